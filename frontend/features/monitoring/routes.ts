/** Which routes of many are worth a line. */
import type { RouteSummary } from "@/api/types";

export const ROUTE_ORDERS = ["requests", "errors", "slow"] as const;
export type RouteOrder = (typeof ROUTE_ORDERS)[number];

const MOST = 8;
const failuresOf = (route: RouteSummary) => route.requests * route.error_ratio;

const VALUES: Readonly<Record<RouteOrder, (route: RouteSummary) => number>> = {
  requests: (route) => route.requests,
  errors: failuresOf,
  slow: (route) => route.p95_ms,
};

/** The first few, most requests, failures or time first. Of failing ones, those only that fail. */
export function topRoutes(routes: readonly RouteSummary[], order: RouteOrder): readonly RouteSummary[] {
  const value = VALUES[order];
  return routes
    .filter((route) => value(route) > 0)
    .toSorted((a, b) => value(b) - value(a) || a.route.localeCompare(b.route))
    .slice(0, MOST);
}
