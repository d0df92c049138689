"use client";
import { type FormEvent, type ReactNode, useEffect, useState } from "react";
import { Button } from "./button";
import { Drawer } from "./drawer";
import { Field } from "./field";
import { ErrorState } from "./states";

type Props = {
  title: string;
  open: boolean;
  onClose: () => void;
  onConfirm: () => void;
  /** What the button says: the act itself, never "OK". */
  act: string;
  /** What has to be typed first; without it the button alone confirms. */
  phrase?: string | undefined;
  isPending?: boolean;
  problem?: unknown;
  /** Whether what is filled in beside it allows the act. */
  isReady?: boolean;
  children: ReactNode;
};

/** Asks before something that visitors or data notice: says what will happen, and wants the name typed. */
export function ConfirmDialog(props: Props) {
  const { title, open, onClose, onConfirm, act, phrase, isPending = false, problem, isReady = true } = props;
  const [typed, setTyped] = useState("");
  useEffect(() => {
    if (!open) setTyped("");
  }, [open]);
  const isTyped = phrase === undefined || typed.trim() === phrase;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isTyped && isReady && !isPending) onConfirm();
  };
  return (
    <Drawer kind="middle" title={title} open={open} onClose={onClose}>
      <form onSubmit={submit} className="flex flex-col gap-4">
        {props.children}
        {phrase === undefined ? null : (
          <Field
            label={`Type ${phrase} to confirm`}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            autoComplete="off"
            spellCheck={false}
          />
        )}
        {problem ? <ErrorState problem={problem} /> : null}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" disabled={!isTyped || !isReady || isPending}>
            {isPending ? "One moment…" : act}
          </Button>
        </div>
      </form>
    </Drawer>
  );
}
