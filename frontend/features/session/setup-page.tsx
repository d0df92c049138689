"use client";
import { useRouter, useSearchParams } from "next/navigation";
import { type FormEvent, useState } from "react";
import { HOME } from "@/lib/return-path";
import { Button } from "@/ui/button";
import { Field } from "@/ui/field";
import { ErrorState } from "@/ui/states";
import { SessionFrame } from "./frame";
import { useSetUp } from "./queries";

const LEAST = 15;

export function SetupPage() {
  const router = useRouter();
  const token = useSearchParams().get("token") ?? "";
  const setUp = useSetUp();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const missing = LEAST - password.length;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const body = { token, password, email: email || null };
    setUp.mutate(body, { onSuccess: () => router.replace(HOME) });
  };
  return (
    <SessionFrame title="Set your password">
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field
          label="E-mail (may stay empty)"
          type="email"
          autoComplete="username"
          value={email}
          onChange={(event) => setEmail(event.target.value)}
          hint="What you log in with; admin@localhost when left empty for the first administrator"
        />
        <Field
          label="New password"
          type="password"
          autoComplete="new-password"
          required
          autoFocus
          minLength={LEAST}
          value={password}
          onChange={(event) => setPassword(event.target.value)}
          hint={missing > 0 ? `${missing} more characters; unrelated words are fine` : "Long enough"}
        />
        {setUp.error ? <ErrorState problem={setUp.error} /> : null}
        <Button type="submit" look="primary" disabled={setUp.isPending || missing > 0 || token === ""}>
          {setUp.isPending ? "Setting …" : "Set password and log in"}
        </Button>
      </form>
    </SessionFrame>
  );
}
