import { cx } from "./cx";
import type { Option } from "./select";

type Props<Value extends string> = {
  label: string;
  value: Value | null;
  options: readonly (Option & { readonly value: Value; readonly name?: string })[];
  onChange: (value: Value) => void;
};

/** A row of buttons of which at most one is pressed. */
export function Segmented<Value extends string>({ label, value, options, onChange }: Props<Value>) {
  return (
    <fieldset className="flex h-8 w-fit rounded border border-line-strong bg-raised p-0.5">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          aria-label={option.name}
          title={option.name}
          onClick={() => onChange(option.value)}
          className={cx(
            "rounded-[3px] px-1.5 text-[12.5px] sm:px-2 transition-colors",
            option.value === value ? "bg-accent font-medium text-on-accent" : "text-ink-soft hover:text-ink",
          )}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}
