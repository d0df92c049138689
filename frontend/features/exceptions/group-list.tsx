"use client";
import { useRef } from "react";
import type { ErrorGroup } from "@/api/types";
import { formatAge, formatCount, formatDateTime } from "@/lib/format";
import { Badge } from "@/ui/badge";
import { useRowKeys } from "@/ui/use-row-keys";
import { headlineOf, nameOf } from "./model";

type Props = { groups: readonly ErrorGroup[]; onOpen: (id: string) => void };

/** One line a group of exceptions; its bar compares it with the most frequent. */
export function GroupList({ groups, onOpen }: Props) {
  const list = useRef<HTMLOListElement>(null);
  useRowKeys(list);
  const most = Math.max(1, ...groups.map((group) => group.occurrences));
  return (
    <ol ref={list} aria-label="Exceptions">
      {groups.map((group) => (
        <GroupRow
          key={`${group.group_id}.${group.group_version}`}
          group={group}
          share={group.occurrences / most}
          onOpen={onOpen}
        />
      ))}
    </ol>
  );
}

type RowProps = { group: ErrorGroup; share: number; onOpen: (id: string) => void };

function GroupRow({ group, share, onOpen }: RowProps) {
  const { name, of } = nameOf(group);
  return (
    <li className="row border-line border-b last:border-b-0">
      <button
        type="button"
        data-row={group.group_id}
        onClick={() => onOpen(group.group_id)}
        className="grid w-full grid-cols-[minmax(0,1fr)_auto] items-center gap-x-4 gap-y-1 border-l-2 border-l-bad px-3 py-2 text-left hover:bg-sunken focus-visible:-outline-offset-2 md:grid-cols-[minmax(0,1fr)_10rem_8rem]"
      >
        <span className="min-w-0">
          <span className="flex flex-wrap items-baseline gap-x-2">
            <span className="break-all font-semibold text-[13px] text-bad">{name}</span>
            <span className="truncate text-[12px] text-ink-faint">{of}</span>
          </span>
          <span className="block truncate font-mono text-[12.5px]">
            {headlineOf(group) || <i className="text-ink-faint">no message</i>}
          </span>
          <span className="mt-0.5 flex flex-wrap items-center gap-1.5 text-[12.5px] text-ink-soft">
            {group.service}
            {group.releases.map((release) => (
              <Badge key={release}>{release}</Badge>
            ))}
          </span>
        </span>
        <span className="text-right">
          <span className="block font-mono text-[13px]">{formatCount(group.occurrences)}</span>
          <span aria-hidden="true" className="mt-1 hidden h-1.5 justify-end md:flex">
            <span
              className="block h-full rounded-sm bg-bad"
              style={{ width: `${Math.max(share * 100, 2)}%` }}
            />
          </span>
        </span>
        <span className="text-[12.5px] text-ink-soft max-md:col-span-full md:text-right">
          <span className="block" title={formatDateTime(group.last_seen)}>
            last {formatAge(Date.now() - Date.parse(group.last_seen))} ago
          </span>
          <span className="block text-ink-faint max-md:hidden" title={formatDateTime(group.first_seen)}>
            first {formatAge(Date.now() - Date.parse(group.first_seen))} ago
          </span>
        </span>
      </button>
    </li>
  );
}
