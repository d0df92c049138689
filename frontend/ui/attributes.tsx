import type { ReactNode } from "react";
import { sortedAttributes } from "@/lib/attributes";
import { IconButton } from "./button";
import { ExcludeIcon, FilterIcon } from "./icons";

type Props = {
  label: string;
  attributes: Readonly<Record<string, string>>;
  onFilter?: OnFilter;
  /** Whether a value of this name can be left out; all can when absent. */
  canExclude?: (key: string) => boolean;
};
export type OnFilter = (key: string, value: string, choice: "included" | "excluded") => void;

/** Names and values; each may become a filter. */
export function Attributes({ label, attributes, onFilter, canExclude }: Props) {
  const sorted = sortedAttributes(attributes);
  if (sorted.length === 0) return null;
  return (
    <Section title={label}>
      <dl className="@container divide-y divide-line rounded border border-line" aria-label={label}>
        {sorted.map(([key, value]) => (
          <div key={key} className="flex items-start gap-2 px-2 py-1">
            <div className="grid min-w-0 flex-1 gap-x-3 @md:grid-cols-[minmax(0,2fr)_minmax(0,3fr)]">
              <dt className="wrap-anywhere font-mono text-[12px] text-ink-soft">{key}</dt>
              <dd className="whitespace-pre-wrap wrap-anywhere font-mono text-[12.5px]">{value}</dd>
            </div>
            {onFilter ? (
              <span className="-my-1.5 flex">
                <IconButton
                  label={`Show only ${key}=${value}`}
                  className="w-6"
                  onClick={() => onFilter(key, value, "included")}
                >
                  <FilterIcon />
                </IconButton>
                {canExclude?.(key) === false ? null : (
                  <IconButton
                    label={`Leave out ${key}=${value}`}
                    className="w-6"
                    onClick={() => onFilter(key, value, "excluded")}
                  >
                    <ExcludeIcon />
                  </IconButton>
                )}
              </span>
            ) : null}
          </div>
        ))}
      </dl>
    </Section>
  );
}

export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className="flex flex-col gap-1">
      <h3 className="eyebrow">{title}</h3>
      {children}
    </section>
  );
}
