"use client";
import { type ReactNode, useEffect, useId, useRef } from "react";
import { IconButton } from "./button";
import { cx } from "./cx";
import { CloseIcon } from "./icons";

type Props = {
  title: ReactNode;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  kind?: "side" | "middle";
};

const PLACES = {
  side: "ml-auto mr-0 h-dvh max-h-none w-[min(34rem,100vw)] max-w-none border-l",
  middle: "m-auto w-[min(30rem,calc(100vw-2rem))] rounded-lg border",
} as const;

/** A modal dialog of the browser's own: it keeps the focus, Esc closes it, and focus returns after. */
export function Drawer({ title, open, onClose, children, kind = "side" }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog === null) return;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: a click beside the dialog; Esc is the browser's own
    <dialog
      ref={ref}
      aria-labelledby={id}
      onClose={onClose}
      onClick={(event) => event.target === ref.current && onClose()}
      className={cx("border-line-strong bg-surface p-0 text-ink shadow-lift backdrop:bg-shade", PLACES[kind])}
    >
      {open ? (
        <div className="flex max-h-dvh min-h-full flex-col">
          <header className="sticky top-0 flex items-center justify-between gap-2 border-line border-b bg-surface px-4 py-2">
            <h2 id={id} className="min-w-0 truncate font-semibold">
              {title}
            </h2>
            <IconButton label="Close" onClick={onClose}>
              <CloseIcon />
            </IconButton>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
        </div>
      ) : null}
    </dialog>
  );
}
