import { CloseIcon } from "./icons";

/** A filter that is set; the button takes it away. */
export function Chip({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <span className="inline-flex h-7 min-w-0 max-w-full items-center rounded border border-accent bg-accent-soft pl-2 font-mono text-[12px]">
      <span className="truncate">{text}</span>
      <button
        type="button"
        aria-label={`Remove the filter ${text}`}
        onClick={onRemove}
        className="flex h-full shrink-0 items-center px-1.5 text-ink-soft hover:text-ink"
      >
        <CloseIcon />
      </button>
    </span>
  );
}
