"use client";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { useEffect, useState } from "react";
import { useSession } from "@/features/session/queries";
import { IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { Drawer } from "@/ui/drawer";
import { MenuIcon } from "@/ui/icons";
import { groupsFor, isAt } from "./places";

/** The pages, grouped: beside the content where there is room, else behind `PagesButton`. */
export function Navigation() {
  const path = usePathname();
  const session = useSession();
  return (
    <nav aria-label="Pages" className="flex flex-col gap-4">
      {groupsFor(session.data?.user.role).map((group) => (
        <section key={group.name} aria-label={group.name} className="flex flex-col gap-0.5">
          <p className="eyebrow px-2 pb-1">{group.name}</p>
          {group.places.map((place) => (
            <Link
              key={place.href}
              href={place.href}
              aria-current={path === place.href ? "page" : undefined}
              className={cx(
                "flex items-center gap-2 rounded px-2 py-1.5 text-[13px]",
                isAt(place, path)
                  ? "bg-accent-soft font-medium text-accent"
                  : "text-ink-soft hover:bg-sunken hover:text-ink",
              )}
            >
              {place.icon}
              {place.name}
            </Link>
          ))}
        </section>
      ))}
    </nav>
  );
}

/** The same pages on a screen that has no room for them beside the content. */
export function PagesButton() {
  const path = usePathname();
  const [open, setOpen] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new path is why it closes
  useEffect(() => setOpen(false), [path]);
  return (
    <>
      <IconButton label="Pages" className="lg:hidden" onClick={() => setOpen(true)}>
        <MenuIcon />
      </IconButton>
      <Drawer kind="left" title="Pages" open={open} onClose={() => setOpen(false)}>
        <Navigation />
      </Drawer>
    </>
  );
}
