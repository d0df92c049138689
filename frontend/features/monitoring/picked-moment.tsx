"use client";
import { formatClock } from "@/lib/format";
import { type ChartKind, type Slot, slotLinks } from "@/lib/links";
import { LinkButton } from "@/ui/button";
import { Drawer } from "@/ui/drawer";

export type Picked = { readonly slot: Slot; readonly chart: ChartKind };
type Props = { picked: Picked | null; service: string | null; onClose: () => void };

/** What is behind a moment of a chart. */
export function PickedMoment({ picked, service, onClose }: Props) {
  const title = picked ? `${formatClock(picked.slot.from)} to ${formatClock(picked.slot.to)}` : "";
  return (
    <Drawer kind="middle" title={title} open={picked !== null} onClose={onClose}>
      <div className="flex flex-col gap-2">
        {picked
          ? slotLinks(picked.slot, picked.chart, service).map((link) => (
              <LinkButton key={link.href} href={link.href}>
                {link.label}
              </LinkButton>
            ))
          : null}
      </div>
    </Drawer>
  );
}
