/** Milliseconds since the last answer, when that is too long for a page that calls itself live; else null. */
export function staleFor(updatedAt: number, now: number, interval_ms: number): number | null {
  const age = now - updatedAt;
  return updatedAt > 0 && age > Math.max(3 * interval_ms, 15_000) ? age : null;
}
