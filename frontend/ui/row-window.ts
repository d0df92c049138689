/** Which rows of a long list are in view, when all have one height. */
export type RowWindow = { readonly first: number; readonly end: number };

const OVERSCAN = 12;

export function rowsInView(
  scrollTop: number,
  viewHeight: number,
  rowHeight: number,
  count: number,
): RowWindow {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - OVERSCAN);
  const end = Math.min(count, Math.ceil((scrollTop + viewHeight) / rowHeight) + OVERSCAN);
  return { first: Math.min(first, Math.max(0, count - 1)), end: Math.max(end, Math.min(count, 1)) };
}

/** Where to scroll so that a row is in view; null when it is. A far row comes to the middle. */
export function scrollTopFor(
  row: number,
  scrollTop: number,
  viewHeight: number,
  rowHeight: number,
): number | null {
  const top = row * rowHeight;
  if (top >= scrollTop && top + rowHeight <= scrollTop + viewHeight) return null;
  return Math.max(0, top - (viewHeight - rowHeight) / 2);
}
