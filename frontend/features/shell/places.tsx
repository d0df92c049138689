/** Every page that the navigation leads to. `key` goes there after `g`; each page is listed once, here. */
import type { ReactNode } from "react";
import {
  DeletionIcon,
  ExceptionsIcon,
  InfrastructureIcon,
  LogsIcon,
  MetricsIcon,
  OverviewIcon,
  RecoveryIcon,
  ReleasesIcon,
  SqlIcon,
  TracesIcon,
} from "@/ui/icons";

export type Place = {
  readonly href: string;
  readonly name: string;
  readonly key: string;
  readonly icon: ReactNode;
  /** Pages below this one, which mark it as the present one too. */
  readonly below?: readonly string[];
  /** Least role that may see it; everybody when absent. */
  readonly role?: "administrator";
};
export type PlaceGroup = { readonly name: string; readonly places: readonly Place[] };

export const PLACE_GROUPS: readonly PlaceGroup[] = [
  {
    name: "Observe",
    places: [
      { href: "/monitoring/", name: "Overview", key: "m", icon: <OverviewIcon /> },
      { href: "/monitoring/logs/", name: "Logs", key: "l", icon: <LogsIcon /> },
      {
        href: "/monitoring/traces/",
        name: "Traces",
        key: "t",
        icon: <TracesIcon />,
        below: ["/monitoring/trace/"],
      },
      { href: "/monitoring/exceptions/", name: "Exceptions", key: "e", icon: <ExceptionsIcon /> },
      { href: "/monitoring/metrics/", name: "Metrics", key: "x", icon: <MetricsIcon /> },
      { href: "/monitoring/infrastructure/", name: "Infrastructure", key: "i", icon: <InfrastructureIcon /> },
      { href: "/monitoring/sql/", name: "SQL", key: "q", icon: <SqlIcon />, role: "administrator" },
      {
        href: "/monitoring/deletion/",
        name: "Deletion",
        key: "d",
        icon: <DeletionIcon />,
        role: "administrator",
      },
    ],
  },
  {
    name: "Operate",
    places: [
      { href: "/releases/", name: "Releases", key: "r", icon: <ReleasesIcon /> },
      { href: "/recovery/", name: "Recovery", key: "b", icon: <RecoveryIcon /> },
    ],
  },
];

/** The places that somebody with this role is shown; groups that are left without any are left out. */
export function groupsFor(role: string | undefined): readonly PlaceGroup[] {
  return PLACE_GROUPS.map(({ name, places }) => ({
    name,
    places: places.filter((place) => place.role === undefined || place.role === role),
  })).filter(({ places }) => places.length > 0);
}

export function isAt(place: Place, path: string): boolean {
  return path === place.href || (place.below ?? []).includes(path);
}
