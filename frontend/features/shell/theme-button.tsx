"use client";
import { useEffect, useState } from "react";
import { IconButton } from "@/ui/button";
import { MoonIcon, SunIcon } from "@/ui/icons";
import { THEME_KEY } from "./theme-script";

/** Switches between light and dark, and remembers it. */
export function ThemeButton() {
  const [theme, setTheme] = useState<string | null>(null);
  useEffect(() => setTheme(document.documentElement.dataset.theme ?? "light"), []);
  const other = theme === "dark" ? "light" : "dark";
  const change = () => {
    document.documentElement.dataset.theme = other;
    localStorage.setItem(THEME_KEY, other);
    setTheme(other);
  };
  return (
    <IconButton label={`Use the ${other} theme`} onClick={change}>
      {theme === "dark" ? <SunIcon /> : <MoonIcon />}
    </IconButton>
  );
}
