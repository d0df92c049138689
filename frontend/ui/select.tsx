import { useId } from "react";
import { cx } from "./cx";
import { CONTROL } from "./field";

export type Option = { readonly value: string; readonly label: string };
type Props = {
  label: string;
  value: string;
  options: readonly Option[];
  onChange: (value: string) => void;
  className?: string;
};

/** The browser's own select. Its label is read out, and stands inside on wide screens only as the title. */
export function Select({ label, value, options, onChange, className }: Props) {
  const id = useId();
  const known = options.some((option) => option.value === value);
  return (
    <div className={cx("min-w-0", className)}>
      <label htmlFor={id} className="sr-only">
        {label}
      </label>
      <select
        id={id}
        title={label}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className={cx(CONTROL, "w-full pr-1")}
      >
        {known ? null : <option value={value}>{value}</option>}
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}
