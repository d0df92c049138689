"use client";
import Link from "next/link";
import { usePathname, useRouter } from "next/navigation";
import { type ReactNode, useEffect } from "react";
import { ProblemError } from "@/api/problem";
import { useLogOut, useSession } from "@/features/session/queries";
import { loginPath } from "@/lib/return-path";
import { IconButton } from "@/ui/button";
import { cx } from "@/ui/cx";
import { LeaveIcon, LogsIcon, Mark, OverviewIcon, TracesIcon } from "@/ui/icons";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { Shortcuts } from "./shortcuts";
import { ThemeButton } from "./theme-button";

const PAGES = [
  { href: "/monitoring/", name: "Overview", icon: <OverviewIcon /> },
  { href: "/monitoring/logs/", name: "Logs", icon: <LogsIcon /> },
  { href: "/monitoring/traces/", name: "Traces", icon: <TracesIcon /> },
] as const;

/** The frame of every page behind the log-in. Without a session it leads to the log-in and back. */
export function Shell({ title, tools, children }: { title: string; tools?: ReactNode; children: ReactNode }) {
  const session = useSession();
  const router = useRouter();
  const isOut = session.error instanceof ProblemError && session.error.kind === "unauthenticated";
  useEffect(() => {
    if (isOut) router.replace(loginPath(`${location.pathname}${location.search}`));
  }, [isOut, router]);
  return (
    <>
      <a href="#content" className="sr-only focus:not-sr-only focus:absolute focus:p-3">
        Skip to the content
      </a>
      <header className="border-line border-b bg-surface">
        <div className="mx-auto flex max-w-[100rem] items-center gap-x-1 px-3 py-1.5 sm:gap-x-4">
          <Link
            href="/monitoring/"
            aria-label="InsightEngine"
            className="flex items-center gap-1.5 font-semibold tracking-tight"
          >
            <Mark />
            <span className="max-sm:hidden">
              Insight<span className="text-accent">Engine</span>
            </span>
          </Link>
          <Navigation />
          <div className="ml-auto flex items-center sm:gap-1">
            <span className="hidden text-[12.5px] text-ink-faint sm:inline">{session.data?.user.email}</span>
            <ThemeButton />
            <LogOutButton />
          </div>
        </div>
      </header>
      <main id="content" className="mx-auto flex max-w-[100rem] flex-col gap-3 p-3">
        <div className="flex flex-wrap items-center justify-between gap-2">
          <h1 className="font-semibold text-lg">{title}</h1>
          <div className="flex flex-wrap items-center gap-2 max-sm:contents">{tools}</div>
        </div>
        {session.isPending || isOut ? <SkeletonRows rows={6} label="your session" /> : null}
        {session.error && !isOut && !session.data ? (
          <ErrorState problem={session.error} onRetry={() => void session.refetch()} />
        ) : null}
        {session.data ? children : null}
      </main>
      <Shortcuts />
    </>
  );
}

function Navigation() {
  const path = usePathname();
  const isIn = (href: string) =>
    path === href || (href === "/monitoring/traces/" && path === "/monitoring/trace/");
  return (
    <nav aria-label="Pages" className="flex sm:gap-1">
      {PAGES.map((page) => (
        <Link
          key={page.href}
          href={page.href}
          aria-current={path === page.href ? "page" : undefined}
          className={cx(
            "flex items-center gap-1.5 rounded px-1.5 py-1 text-[13px] sm:px-2",
            isIn(page.href) ? "bg-accent-soft text-accent" : "text-ink-soft hover:text-ink",
          )}
        >
          {page.icon}
          {page.name}
        </Link>
      ))}
    </nav>
  );
}

function LogOutButton() {
  const logOut = useLogOut();
  return (
    <IconButton label="Log out" onClick={() => logOut.mutate()}>
      <LeaveIcon />
    </IconButton>
  );
}
