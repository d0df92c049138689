import type { Metadata, Viewport } from "next";
import "uplot/dist/uPlot.min.css";
import "./globals.css";
import type { ReactNode } from "react";
import { Providers } from "@/features/shell/providers";
import { THEME_SCRIPT } from "@/features/shell/theme-script";

export const metadata: Metadata = {
  title: { default: "InsightEngine", template: "%s · InsightEngine" },
  description: "Releases, observes, protects and recovers web applications.",
};
export const viewport: Viewport = { width: "device-width", initialScale: 1, colorScheme: "light dark" };

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        {/* biome-ignore lint/security/noDangerouslySetInnerHtml: a constant of ours, before the first paint */}
        <script dangerouslySetInnerHTML={{ __html: THEME_SCRIPT }} />
      </head>
      <body>
        <Providers>{children}</Providers>
      </body>
    </html>
  );
}
