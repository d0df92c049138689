"use client";
import { formatCompact } from "@/lib/format";
import { cx } from "@/ui/cx";
import { CheckIcon, ChevronIcon, ExcludeIcon } from "@/ui/icons";
import type { FacetChoice, FacetGroup } from "./facets";
import { withChoice } from "./terms";

type Props = { groups: readonly FacetGroup[]; q: string; onSearch: (q: string) => void };

/** Fields with their values. A click shows only that value; the sign beside it leaves it out. */
export function FacetGroups({ groups, q, onSearch }: Props) {
  return groups.map((group) => (
    <Group
      key={group.key}
      group={group}
      onChoose={(value, choice) => onSearch(withChoice(q, group.key, value, choice))}
    />
  ));
}

type GroupProps = {
  group: FacetGroup;
  onChoose: (value: string, choice: FacetChoice["choice"]) => void;
};

function Group({ group, onChoose }: GroupProps) {
  return (
    <details open={group.isOpen} className="group border-line border-b last:border-b-0">
      <summary className="flex items-center gap-1 px-2 py-1.5 text-[12.5px] hover:bg-sunken">
        <span className="text-ink-faint transition-transform group-open:rotate-90">
          <ChevronIcon open={false} />
        </span>
        <span className="min-w-0 truncate font-medium font-mono text-[12px]" title={group.key}>
          {group.key}
        </span>
        <span className="ml-auto text-[12px] text-ink-faint">{group.values.length}</span>
      </summary>
      <ul className="pb-1.5">
        {group.values.map((each) => (
          <Value key={each.value} name={group.key} of={each} onChoose={onChoose} />
        ))}
      </ul>
    </details>
  );
}

type ValueProps = { name: string; of: FacetChoice; onChoose: GroupProps["onChoose"] };

function Value({ name, of, onChoose }: ValueProps) {
  const { value, entries, share, choice } = of;
  return (
    <li className="group/value relative flex items-center pr-1 pl-3 hover:bg-sunken">
      <span
        aria-hidden="true"
        className="absolute inset-y-0.5 left-3 rounded-sm bg-accent-soft"
        style={{ width: `calc(${share} * (100% - 1rem))`, opacity: choice === "excluded" ? 0.3 : 1 }}
      />
      <button
        type="button"
        aria-pressed={choice === "included"}
        title={`${name}:${value}`}
        onClick={() => onChoose(value, choice === "included" ? null : "included")}
        className="relative flex min-w-0 flex-1 items-center gap-1.5 px-1 py-0.5 text-left text-[12.5px]"
      >
        {choice === "included" ? <CheckIcon /> : null}
        <span className={cx("min-w-0 truncate", choice === "excluded" && "text-ink-faint line-through")}>
          {value}
        </span>
        <span className="ml-auto shrink-0 font-mono text-[12px] text-ink-soft">
          {entries === null ? null : formatCompact(entries)}
        </span>
      </button>
      <button
        type="button"
        aria-pressed={choice === "excluded"}
        aria-label={`Leave out ${name}:${value}`}
        title={`Leave out ${name}:${value}`}
        onClick={() => onChoose(value, choice === "excluded" ? null : "excluded")}
        className={cx(
          "relative flex size-6 shrink-0 items-center justify-center rounded hover:text-bad",
          choice === "excluded" ? "text-bad" : "text-ink-faint lg:opacity-0 lg:group-hover/value:opacity-100",
          "focus-visible:opacity-100",
        )}
      >
        <ExcludeIcon />
      </button>
    </li>
  );
}
