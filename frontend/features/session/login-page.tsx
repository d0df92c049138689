"use client";
import { useRouter, useSearchParams } from "next/navigation";
import { type FormEvent, useState } from "react";
import { safeReturnPath } from "@/lib/return-path";
import { Button } from "@/ui/button";
import { Field } from "@/ui/field";
import { ErrorState } from "@/ui/states";
import { SessionFrame } from "./frame";
import { useLogIn } from "./queries";

export function LoginPage() {
  const router = useRouter();
  const next = safeReturnPath(useSearchParams().get("next"));
  const logIn = useLogIn();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    logIn.mutate({ email, password }, { onSuccess: () => router.replace(next) });
  };
  return (
    <SessionFrame title="Log in">
      <form onSubmit={submit} className="flex flex-col gap-3">
        <Field
          label="E-mail"
          autoComplete="username"
          required
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
        <Field
          label="Password"
          type="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
        {logIn.error ? <ErrorState problem={logIn.error} /> : null}
        <Button type="submit" look="primary" disabled={logIn.isPending}>
          {logIn.isPending ? "Logging in …" : "Log in"}
        </Button>
      </form>
      <p className="text-[12.5px] text-ink-faint">
        No password yet? <code className="font-mono">insight setup-link</code> prints the link that sets one.
      </p>
    </SessionFrame>
  );
}
