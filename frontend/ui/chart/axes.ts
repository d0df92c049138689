/** Marks of a chart's axes: round numbers, and no more text than they need. */
import { formatClock } from "@/lib/format";

const DAY_S = 86_400;

/** What stands below a line of the grid. `step_s` is the distance of two. */
export function timeMarks(times_s: readonly number[], step_s: number): readonly string[] {
  return times_s.map((time) => {
    const at = new Date(time * 1000);
    if (step_s >= DAY_S || (at.getHours() === 0 && at.getMinutes() === 0 && step_s >= 3600)) {
      return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
    }
    const clock = formatClock(time * 1000);
    return step_s < 60 ? clock : clock.slice(0, 5);
  });
}

/** Steps of sizes: 1, 2, 4 … B, KiB, MiB … */
export const BINARY_STEPS: readonly number[] = Array.from({ length: 51 }, (_, power) => 2 ** power);

const CHARACTER_PX = 6.6;

/** Room for the longest mark of a vertical axis. */
export function axisWidth(marks: readonly (string | null)[] | null): number {
  const longest = Math.max(0, ...(marks ?? []).map((mark) => mark?.length ?? 0));
  return Math.max(34, Math.ceil(longest * CHARACTER_PX) + 14);
}

/** Index of the newest moment of which every line is known, or else any; the last one when nothing is. */
export function newestKnown(series: readonly (readonly (number | null)[])[]): number {
  const last = (series[0]?.length ?? 0) - 1;
  const known = (at: number) => series.filter((values) => typeof values[at] === "number").length;
  for (const least of [series.length, 1]) {
    for (let at = last; at >= 0; at -= 1) if (known(at) >= least) return at;
  }
  return last;
}
