"use client";
import { useSession } from "./queries";

const RANKS = ["viewer", "operator", "administrator"] as const;
export type RoleName = (typeof RANKS)[number];

export function includes(role: string | undefined, needed: RoleName): boolean {
  return RANKS.indexOf(role as RoleName) >= RANKS.indexOf(needed);
}

/** Whether the one who is logged in may do what needs this role. The API decides; this only shows it. */
export function useMay(needed: RoleName): boolean {
  return includes(useSession().data?.user.role, needed);
}
