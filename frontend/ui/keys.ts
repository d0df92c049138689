/** A key that belongs to what has the focus (a field, an open dialog) or to the browser, not to the page. */
export function isTaken(event: KeyboardEvent): boolean {
  const { target } = event;
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return true;
  return target instanceof HTMLElement && target.closest("input, select, textarea, dialog") !== null;
}
