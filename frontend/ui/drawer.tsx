"use client";
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef } from "react";
import { IconButton } from "./button";
import { cx } from "./cx";
import { CloseIcon, DownIcon, UpIcon } from "./icons";

type Props = {
  title: ReactNode;
  open: boolean;
  onClose: () => void;
  children: ReactNode;
  kind?: "side" | "middle" | "left";
  /** Shows the next (1) or the previous (-1) entry of the list that this drawer belongs to. */
  onStep?: (step: 1 | -1) => void;
};

const PLACES = {
  side: "ml-auto mr-0 h-dvh max-h-none w-[min(34rem,100vw)] max-w-none border-l",
  left: "ml-0 mr-auto h-dvh max-h-none w-[min(16rem,85vw)] max-w-none border-r",
  middle: "m-auto w-[min(30rem,calc(100vw-2rem))] rounded-lg border",
} as const;

/** A modal dialog of the browser's own: it keeps the focus, Esc closes it, and focus returns after. */
export function Drawer({ title, open, onClose, children, kind = "side", onStep }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog === null) return;
    if (open && !dialog.open) dialog.showModal();
    if (!open && dialog.open) dialog.close();
  }, [open]);
  const step = (event: KeyboardEvent) => {
    if (event.key === "j" || event.key === "k") onStep?.(event.key === "j" ? 1 : -1);
  };
  return (
    <dialog
      ref={ref}
      aria-labelledby={open ? id : undefined}
      onClose={onClose}
      onKeyDown={step}
      onClick={(event) => event.target === ref.current && onClose()}
      className={cx("border-line-strong bg-surface p-0 text-ink shadow-lift backdrop:bg-shade", PLACES[kind])}
    >
      {open ? (
        <div className="flex max-h-dvh min-h-full flex-col">
          <header className="sticky top-0 flex items-center justify-between gap-2 border-line border-b bg-surface px-4 py-2">
            <h2 id={id} className="min-w-0 truncate font-semibold">
              {title}
            </h2>
            <span className="flex">
              {onStep ? (
                <>
                  <IconButton label="Previous (k)" onClick={() => onStep(-1)}>
                    <UpIcon />
                  </IconButton>
                  <IconButton label="Next (j)" onClick={() => onStep(1)}>
                    <DownIcon />
                  </IconButton>
                </>
              ) : null}
              <IconButton label="Close" onClick={onClose}>
                <CloseIcon />
              </IconButton>
            </span>
          </header>
          <div className="min-h-0 flex-1 overflow-y-auto p-4">{children}</div>
        </div>
      ) : null}
    </dialog>
  );
}
