/** Text for numbers, durations, sizes and times. `null` is unknown and never shown as 0. */

export const UNKNOWN = "—";

type Maybe = number | null | undefined;

function isKnown(value: Maybe): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function trimmed(value: number, digits: number): string {
  return Number(value.toFixed(digits)).toString();
}

/** Three significant digits, as many as an eye compares. */
function short(value: number): string {
  const size = Math.abs(value);
  if (size >= 100) return trimmed(value, 0);
  if (size >= 10) return trimmed(value, 1);
  return trimmed(value, 2);
}

export function formatCount(value: Maybe): string {
  return isKnown(value) ? Math.round(value).toLocaleString("en-US") : UNKNOWN;
}

export function formatCompact(value: Maybe): string {
  if (!isKnown(value)) return UNKNOWN;
  const size = Math.abs(value);
  if (size >= 999.5e6) return `${short(value / 1e9)}G`;
  if (size >= 999.5e3) return `${short(value / 1e6)}M`;
  if (size >= 9_999.5) return `${short(value / 1e3)}k`;
  return size >= 1000 ? formatCount(value) : short(value);
}

export function formatRate(perSecond: Maybe): string {
  return isKnown(perSecond) ? `${formatCompact(perSecond)}/s` : UNKNOWN;
}

export function formatRatio(ratio: Maybe): string {
  if (!isKnown(ratio)) return UNKNOWN;
  const percent = ratio * 100;
  if (percent > 0 && percent < 0.01) return "<0.01%";
  return `${short(percent)}%`;
}

const DURATION_STEPS: readonly (readonly [number, string])[] = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
  [1, "ms"],
];

export function formatDuration(milliseconds: Maybe): string {
  if (!isKnown(milliseconds)) return UNKNOWN;
  if (milliseconds === 0) return "0ms";
  const size = Math.abs(milliseconds);
  for (const [step, unit] of DURATION_STEPS) {
    if (size >= step * 0.9995) return `${short(milliseconds / step)}${unit}`;
  }
  return size >= 0.0009995 ? `${short(milliseconds * 1000)}µs` : `${short(milliseconds * 1e6)}ns`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

export function formatBytes(bytes: Maybe): string {
  if (!isKnown(bytes)) return UNKNOWN;
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? trimmed(value, 0) : short(value)} ${BYTE_UNITS[unit]}`;
}

export function formatBytesRate(bytesPerSecond: Maybe): string {
  return isKnown(bytesPerSecond) ? `${formatBytes(bytesPerSecond)}/s` : UNKNOWN;
}

/** "3 min", "2 d 4 h": how long something lasted, in at most two units. */
export function formatAge(milliseconds: Maybe): string {
  if (!isKnown(milliseconds)) return UNKNOWN;
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

const two = (value: number) => String(value).padStart(2, "0");

export function formatClock(time: number | string, withMilliseconds = false): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
  return withMilliseconds ? `${clock}.${String(at.getMilliseconds()).padStart(3, "0")}` : clock;
}

export function formatDate(time: number | string): string {
  const at = new Date(time);
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

export function formatDateTime(time: number | string, withMilliseconds = false): string {
  const clock = formatClock(time, withMilliseconds);
  return clock === UNKNOWN ? UNKNOWN : `${formatDate(time)} ${clock}`;
}

/** A moment of the last 24 hours is a clock time, an earlier one a date. */
export function sinceText(time: string, now: number): string {
  return now - Date.parse(time) < 86_400_000 ? formatClock(time) : formatDate(time);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
