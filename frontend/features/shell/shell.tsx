"use client";
import Link from "next/link";
import { useRouter } from "next/navigation";
import { type ReactNode, useEffect } from "react";
import { ProblemError } from "@/api/problem";
import { useLogOut, useSession } from "@/features/session/queries";
import { loginPath } from "@/lib/return-path";
import { IconButton } from "@/ui/button";
import { LeaveIcon, Mark } from "@/ui/icons";
import { SkeletonRows } from "@/ui/skeleton";
import { ErrorState } from "@/ui/states";
import { Navigation, PagesButton } from "./navigation";
import { Shortcuts } from "./shortcuts";
import { ThemeButton } from "./theme-button";

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
        <div className="flex items-center gap-x-1 px-3 py-1.5">
          <PagesButton />
          <Link
            href="/monitoring/"
            aria-label="InsightEngine"
            className="flex items-center gap-1.5 font-semibold tracking-tight"
          >
            <Mark />
            <span>
              Insight<span className="text-accent">Engine</span>
            </span>
          </Link>
          <div className="ml-auto flex items-center sm:gap-1">
            <span className="hidden text-[12.5px] text-ink-faint sm:inline">{session.data?.user.email}</span>
            <ThemeButton />
            <LogOutButton />
          </div>
        </div>
      </header>
      <div className="lg:grid lg:grid-cols-[11rem_minmax(0,1fr)]">
        <aside className="sticky top-0 hidden h-dvh overflow-y-auto border-line border-r bg-surface px-2 py-3 lg:block">
          <Navigation />
        </aside>
        <main id="content" className="mx-auto flex w-full min-w-0 max-w-[112rem] flex-col gap-3 p-3">
          <div className="flex flex-wrap items-center justify-between gap-2">
            <h1 className="min-w-0 truncate font-semibold text-lg">{title}</h1>
            <div className="flex flex-wrap items-center gap-2 max-sm:contents">{tools}</div>
          </div>
          {session.isPending || isOut ? <SkeletonRows rows={6} label="your session" /> : null}
          {session.error && !isOut && !session.data ? (
            <ErrorState problem={session.error} onRetry={() => void session.refetch()} />
          ) : null}
          {session.data ? children : null}
        </main>
      </div>
      <Shortcuts />
    </>
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
