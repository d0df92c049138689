"use client";
import { useEffect, useMemo, useState } from "react";

/** The name of the theme that the page is shown in; empty before the first paint. */
export function useTheme(): string {
  const [theme, setTheme] = useState("");
  useEffect(() => {
    const read = () => setTheme(document.documentElement.dataset.theme ?? "");
    read();
    const observer = new MutationObserver(read);
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, []);
  return theme;
}

/** A token's colour as it is now. */
export function tokenColour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Reads colours for a canvas, which knows no tokens; a new function when the theme changes. */
export function useTokens(): ((name: string) => string) | null {
  const theme = useTheme();
  return useMemo(() => {
    if (theme === "") return null;
    const known = new Map<string, string>();
    return (name: string) => {
      const colour = known.get(name) ?? tokenColour(name);
      known.set(name, colour);
      return colour;
    };
  }, [theme]);
}
