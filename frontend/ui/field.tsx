import { type InputHTMLAttributes, type ReactNode, type Ref, useId } from "react";
import { cx } from "./cx";

export const CONTROL =
  "h-8 rounded border border-line-strong bg-raised px-2.5 text-[13px] text-ink placeholder:text-ink-faint aria-invalid:border-bad";

type Props = Omit<InputHTMLAttributes<HTMLInputElement>, "id"> & {
  label: string;
  hideLabel?: boolean;
  hint?: ReactNode;
  problem?: string | null;
  ref?: Ref<HTMLInputElement>;
};

export function Field({ label, hideLabel = false, hint, problem, className, ...rest }: Props) {
  const id = useId();
  const about = problem || hint ? `${id}-about` : undefined;
  return (
    <div className={cx("flex min-w-0 flex-col gap-1", className)}>
      <label htmlFor={id} className={hideLabel ? "sr-only" : "text-[12.5px] text-ink-soft"}>
        {label}
      </label>
      <input
        id={id}
        aria-describedby={about}
        aria-invalid={problem ? true : undefined}
        className={cx(CONTROL, "w-full")}
        {...rest}
      />
      {about ? (
        <div id={about} className={cx("text-[12.5px]", problem ? "text-bad" : "text-ink-faint")}>
          {problem || hint}
        </div>
      ) : null}
    </div>
  );
}
