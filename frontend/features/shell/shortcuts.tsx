"use client";
import { useRouter } from "next/navigation";
import { useEffect, useMemo, useRef, useState } from "react";
import { useSession } from "@/features/session/queries";
import { Drawer } from "@/ui/drawer";
import { isTaken } from "@/ui/keys";
import { ShortcutLine } from "@/ui/states";
import { groupsFor } from "./places";

const GO_MS = 1000;

/** `g` and a letter goes somewhere, `/` to the search field, `?` shows this list. */
export function Shortcuts() {
  const router = useRouter();
  const [open, setOpen] = useState(false);
  const goAt = useRef(0);
  const role = useSession().data?.user.role;
  const places = useMemo(() => groupsFor(role).flatMap((group) => group.places), [role]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTaken(event)) return;
      const place = places.find(({ key }) => key === event.key);
      if (event.key === "g") goAt.current = event.timeStamp;
      else if (place !== undefined && event.timeStamp - goAt.current < GO_MS) router.push(place.href);
      else if (event.key === "?") setOpen(true);
      else if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("input[type=search]")?.focus();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [router, places]);
  return (
    <Drawer kind="middle" title="Keyboard" open={open} onClose={() => setOpen(false)}>
      <ul>
        {places.map((place) => (
          <ShortcutLine key={place.href} keys={["g", place.key]} does={place.name} />
        ))}
        <ShortcutLine keys={["/"]} does="Search" />
        <ShortcutLine keys={["j", "k"]} does="Next and previous line of a list" />
        <ShortcutLine keys={["←", "→"]} does="Move along a chart; fold and unfold a span" />
        <ShortcutLine keys={["Enter"]} does="Open the line, or the moment of a chart" />
        <ShortcutLine keys={["Esc"]} does="Close" />
      </ul>
    </Drawer>
  );
}
