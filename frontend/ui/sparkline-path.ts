const PADDING = 2;

/** The `d` of a sparkline: one stroke for each run of known values. */
export function sparklinePath(
  values: readonly (number | null)[],
  width: number,
  height: number,
  atLeast = 0,
): string {
  const top = Math.max(atLeast, ...values.map((value) => value ?? 0)) || 1;
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let isDrawing = false;
  let path = "";
  values.forEach((value, at) => {
    if (value === null) {
      isDrawing = false;
      return;
    }
    const y = height - PADDING - (Math.max(value, 0) / top) * (height - 2 * PADDING);
    path += `${isDrawing ? "L" : "M"}${(at * step).toFixed(1)} ${y.toFixed(1)}`;
    isDrawing = true;
  });
  return path;
}
