"use client";
import Link from "next/link";
import { useState } from "react";
import type { RouteSummary } from "@/api/types";
import { formatDuration, formatRate, formatRatio } from "@/lib/format";
import { tracesLink } from "@/lib/links";
import type { TimeRange } from "@/lib/time-range";
import { Card } from "@/ui/card";
import { Segmented } from "@/ui/segmented";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { RowHead, Table, Td, Th } from "@/ui/table";
import { useRoutes } from "./queries";
import { ROUTE_ORDERS, type RouteOrder, topRoutes } from "./routes";

type Props = { range: TimeRange; service: string | null; isPaused: boolean };
const LABELS: Readonly<Record<RouteOrder, string>> = {
  requests: "Busiest",
  errors: "Failing",
  slow: "Slowest",
};

/** The routes that matter most, each leading to its traces. */
export function RoutesCard({ range, service, isPaused }: Props) {
  const routes = useRoutes(range, service, isPaused);
  const [order, setOrder] = useState<RouteOrder>("requests");
  const top = topRoutes(routes.data?.items ?? [], order);
  const options = ROUTE_ORDERS.map((value) => ({ value, label: LABELS[value] }));
  return (
    <Card
      title="Routes"
      flush
      testId="routes"
      aside={<Segmented label="Which routes" value={order} options={options} onChange={setOrder} />}
    >
      {routes.error && !routes.data ? (
        <ErrorState problem={routes.error} onRetry={() => void routes.refetch()} />
      ) : null}
      {routes.isPending ? <SkeletonRows rows={6} label="routes" /> : null}
      {routes.data && top.length === 0 ? (
        <EmptyState title={order === "errors" ? "No request failed" : "No requests in this time"} />
      ) : null}
      {top.length > 0 ? <RouteTable routes={top} range={range} /> : null}
    </Card>
  );
}

function RouteTable({ routes, range }: { routes: readonly RouteSummary[]; range: TimeRange }) {
  return (
    <Table
      label="Routes"
      head={
        <>
          <Th>Route</Th>
          <Th>Service</Th>
          <Th numeric>Requests</Th>
          <Th numeric>Errors</Th>
          <Th numeric>p95</Th>
        </>
      }
    >
      {routes.map((route) => (
        <tr key={`${route.service} ${route.method} ${route.route}`}>
          <RowHead>
            <Link
              href={tracesLink(range, { service: route.service, route: route.route })}
              className="font-mono text-[12.5px] hover:text-accent hover:underline"
            >
              {route.method} {route.route}
            </Link>
          </RowHead>
          <Td>{route.service}</Td>
          <Td numeric>{formatRate(route.requests_per_s)}</Td>
          <Td numeric className={route.error_ratio > 0 ? "text-bad" : ""}>
            {formatRatio(route.error_ratio)}
          </Td>
          <Td numeric>{formatDuration(route.p95_ms)}</Td>
        </tr>
      ))}
    </Table>
  );
}
