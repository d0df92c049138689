"use client";
import type { TimeRange } from "@/lib/time-range";
import { IconButton } from "@/ui/button";
import { PauseIcon, PlayIcon } from "@/ui/icons";
import { RangePicker } from "./range-picker";

type Props = {
  range: TimeRange;
  onRange: (range: TimeRange) => void;
  isPaused: boolean;
  onPause: (isPaused: boolean) => void;
};

/** The time range, and whether a range that ends now keeps moving. */
export function LiveTools({ range, onRange, isPaused, onPause }: Props) {
  return (
    <span className="flex items-center gap-1">
      <RangePicker range={range} onChange={onRange} />
      {range.kind === "last" ? (
        <IconButton label={isPaused ? "Go live" : "Pause"} onClick={() => onPause(!isPaused)}>
          {isPaused ? <PlayIcon /> : <PauseIcon />}
        </IconButton>
      ) : null}
    </span>
  );
}
