"use client";
import { type KeyboardEvent, useEffect, useId, useMemo, useRef, useState } from "react";
import type { Completion, Signals } from "@/api/types";
import { formatCompact } from "@/lib/format";
import { cx } from "@/ui/cx";
import { CONTROL } from "@/ui/field";
import { Kbd } from "@/ui/kbd";
import { accepted, stepped, type Typed } from "./completion";
import { useCompletions } from "./use-completions";

type Props = {
  signals: Signals;
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
  /** Each letter, where a button searches for what stands there. */
  onType?: (value: string) => void;
  className?: string;
};

/**
 * A search in our language, with completion. Enter searches; arrows choose, Tab or Enter take over; Esc
 * closes the list, and then leaves the field.
 */
export function QueryField({ signals, label, placeholder, value, onChange, onType, className }: Props) {
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState<Typed>({ text: value, cursor: value.length });
  const [isWanted, setWanted] = useState(false);
  const [active, setActive] = useState(-1);
  const list = useCompletions(signals, typed, isWanted);
  const items = useMemo(() => list?.items.slice(0, MOST_SHOWN) ?? [], [list]);
  const isOpen = items.length > 0;
  useEffect(
    () => setTyped((now) => (now.text === value ? now : { text: value, cursor: value.length })),
    [value],
  );
  useEffect(() => field.current?.setSelectionRange(typed.cursor, typed.cursor), [typed]);
  const type = (next: Typed) => {
    setTyped(next);
    setActive(-1);
  };
  const search = (text: string) => {
    setWanted(false);
    onChange(text.trim());
  };
  const accept = (chosen: Completion | undefined) => {
    if (!list || !chosen) return;
    const next = accepted(typed, list, chosen);
    type(next);
    onType?.(next.text);
    setWanted(chosen.kind === "field");
    if (chosen.kind === "value") onChange(next.text.trim());
  };
  const onKey = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      setWanted(true);
      setActive(stepped(active, event.key === "ArrowDown" ? 1 : -1, items.length));
    } else if ((event.key === "Enter" || event.key === "Tab") && isOpen && active >= 0) {
      event.preventDefault();
      accept(items[active]);
    } else if (event.key === "Enter") search(typed.text);
    else if (event.key === "Escape") {
      event.preventDefault(); // or the browser empties the field
      if (isOpen) setWanted(false);
      else event.currentTarget.blur();
    }
  };
  return (
    <div className={cx("relative min-w-0", className)}>
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      <input
        ref={field}
        id={id}
        type="search"
        role="combobox"
        aria-expanded={isOpen}
        aria-autocomplete="list"
        aria-controls={isOpen ? `${id}-list` : undefined}
        aria-activedescendant={isOpen && active >= 0 ? `${id}-${active}` : undefined}
        placeholder={placeholder}
        value={typed.text}
        maxLength={2048}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        className={cx(CONTROL, "w-full font-mono text-[12.5px]")}
        onFocus={() => setWanted(true)}
        onBlur={() => setWanted(false)}
        onKeyDown={onKey}
        onSelect={({ currentTarget: { selectionStart, selectionEnd } }) => {
          if (selectionStart !== null && selectionStart === selectionEnd && selectionStart !== typed.cursor) {
            type({ text: typed.text, cursor: selectionStart });
          }
        }}
        onChange={({ currentTarget }) => {
          const text = currentTarget.value;
          setWanted(true);
          type({ text, cursor: currentTarget.selectionStart ?? text.length });
          if (text === "") onChange("");
          else onType?.(text);
        }}
      />
      {isOpen ? <Suggestions id={id} items={items} active={active} onAccept={accept} /> : null}
    </div>
  );
}

const MOST_SHOWN = 12;

type SuggestionsProps = {
  id: string;
  items: readonly Completion[];
  active: number;
  onAccept: (chosen: Completion) => void;
};

function Suggestions({ id, items, active, onAccept }: SuggestionsProps) {
  return (
    <div className="absolute top-full z-20 mt-1 w-full min-w-56 max-w-xl rounded-md border border-line-strong bg-raised shadow-lift">
      <div id={`${id}-list`} role="listbox" aria-label="Suggestions" className="max-h-80 overflow-y-auto p-1">
        {items.map((item, at) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: keys belong to the field, which keeps the focus
          <div
            key={item.text}
            id={`${id}-${at}`}
            role="option"
            aria-selected={at === active}
            tabIndex={-1}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => onAccept(item)}
            className={cx(
              "flex cursor-pointer items-baseline gap-3 rounded px-2 py-1 text-[12.5px]",
              at === active ? "bg-accent-soft" : "hover:bg-sunken",
            )}
          >
            <span className="min-w-0 truncate font-mono">{item.text}</span>
            <span className="ml-auto shrink-0 max-w-[60%] truncate text-ink-faint">
              {item.description || (item.entries === null ? "" : formatCompact(item.entries))}
            </span>
          </div>
        ))}
      </div>
      <p className="flex items-center gap-2 border-line border-t px-2 py-1 text-[12px] text-ink-faint max-sm:hidden">
        <Kbd>↓</Kbd>
        <Kbd>↑</Kbd> choose <Kbd>Tab</Kbd> take over <Kbd>Enter</Kbd> search <Kbd>Esc</Kbd> close
      </p>
    </div>
  );
}
