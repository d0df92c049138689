"use client";
import { useRouter } from "next/navigation";
import { useEffect, useRef, useState } from "react";
import { Drawer } from "@/ui/drawer";
import { isTaken } from "@/ui/keys";
import { ShortcutLine } from "@/ui/states";

const PLACES: Readonly<Record<string, string>> = {
  m: "/monitoring/",
  l: "/monitoring/logs/",
  t: "/monitoring/traces/",
};
const GO_MS = 1000;

/** `g` and a letter goes somewhere, `/` to the search field, `?` shows this list. */
export function Shortcuts() {
  const router = useRouter();
  const [open, setOpen] = useState(false);
  const goAt = useRef(0);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (isTaken(event)) return;
      const place = PLACES[event.key];
      if (event.key === "g") goAt.current = event.timeStamp;
      else if (place !== undefined && event.timeStamp - goAt.current < GO_MS) router.push(place);
      else if (event.key === "?") setOpen(true);
      else if (event.key === "/") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>("input[type=search]")?.focus();
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [router]);
  return (
    <Drawer kind="middle" title="Keyboard" open={open} onClose={() => setOpen(false)}>
      <ul>
        <ShortcutLine keys={["g", "m"]} does="Overview" />
        <ShortcutLine keys={["g", "l"]} does="Logs" />
        <ShortcutLine keys={["g", "t"]} does="Traces" />
        <ShortcutLine keys={["/"]} does="Search" />
        <ShortcutLine keys={["j", "k"]} does="Next and previous line of a list" />
        <ShortcutLine keys={["←", "→"]} does="Move along a chart; fold and unfold a span" />
        <ShortcutLine keys={["Enter"]} does="Open the line, or the moment of a chart" />
        <ShortcutLine keys={["Esc"]} does="Close" />
      </ul>
    </Drawer>
  );
}
