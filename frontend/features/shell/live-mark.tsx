import { Status } from "@/ui/badge";

/** Whether new entries come by themselves, and how. */
export function LiveMark({ isLive, isTailed }: { isLive: boolean; isTailed: boolean }) {
  if (!isLive) return <Status tone="idle">Not live</Status>;
  return isTailed ? <Status tone="ok">Live</Status> : <Status tone="pending">Every 3 s</Status>;
}
