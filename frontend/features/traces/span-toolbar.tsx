"use client";
import { useMemo } from "react";
import type { Span } from "@/api/types";
import { formatCount } from "@/lib/format";
import { StatusGlyph } from "@/ui/badge";
import { Button, IconButton } from "@/ui/button";
import { DownIcon, UpIcon } from "@/ui/icons";
import { SearchField } from "@/ui/search-field";
import { failuresOf, nextOf } from "./find";
import type { Row } from "./layout";

type Props = {
  rows: readonly Row<Span>[];
  matches: readonly number[];
  text: string;
  onText: (text: string) => void;
  /** Index of the row that is chosen; -1 for none. */
  at: number;
  onGo: (index: number) => void;
  onFold: (all: boolean) => void;
  onWhole: (() => void) | null;
};

/** Ways through a long waterfall: to spans that say something, to failed ones, and folding. */
export function SpanToolbar({ rows, matches, text, onText, at, onGo, onFold, onWhole }: Props) {
  const failures = useMemo(() => failuresOf(rows), [rows]);
  const go = (indexes: readonly number[], step: 1 | -1) => {
    const next = nextOf(indexes, at, step);
    if (next !== null) onGo(next);
  };
  const place = matches.indexOf(at);
  return (
    <div className="flex flex-wrap items-center gap-2">
      <SearchField
        label="Find spans"
        placeholder="Find spans: name, service, any value"
        value={text}
        onChange={onText}
        className="w-full sm:w-72"
      />
      {text !== "" ? (
        <span className="flex items-center text-[12.5px] text-ink-soft" role="status">
          {place >= 0 ? `${place + 1} of ${formatCount(matches.length)}` : formatCount(matches.length)} found
          <IconButton
            label="Previous found span"
            disabled={matches.length === 0}
            onClick={() => go(matches, -1)}
          >
            <UpIcon />
          </IconButton>
          <IconButton label="Next found span" disabled={matches.length === 0} onClick={() => go(matches, 1)}>
            <DownIcon />
          </IconButton>
        </span>
      ) : null}
      {failures.length > 0 ? (
        <Button look="quiet" onClick={() => go(failures, 1)}>
          <StatusGlyph tone="bad" />
          Next of {formatCount(failures.length)} failed
        </Button>
      ) : null}
      <span className="ml-auto flex flex-wrap gap-1">
        {onWhole ? (
          <Button look="quiet" onClick={onWhole}>
            Whole trace
          </Button>
        ) : null}
        <Button look="quiet" onClick={() => onFold(true)}>
          Fold all
        </Button>
        <Button look="quiet" onClick={() => onFold(false)}>
          Unfold all
        </Button>
      </span>
    </div>
  );
}
