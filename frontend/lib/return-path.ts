/** Where to go after log-in. Only a path of this origin is accepted, anything else is dropped. */

export const HOME = "/monitoring/";
const PROBE = "http://console.invalid";

export function safeReturnPath(next: string | null): string {
  if (next === null || !next.startsWith("/")) return HOME;
  const url = URL.parse(next, PROBE);
  if (url === null || url.origin !== PROBE) return HOME;
  const path = `${url.pathname}${url.search}${url.hash}`;
  if (path.startsWith("//") || /^\/(login|setup)(\/|$)/.test(url.pathname)) return HOME;
  return path;
}

export function loginPath(current: string): string {
  const next = safeReturnPath(current);
  return next === HOME ? "/login/" : `/login/?next=${encodeURIComponent(next)}`;
}
