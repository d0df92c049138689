"use client";
import Link from "next/link";
import { usePathname } from "next/navigation";
import { type FormEvent, useState } from "react";
import type { SavedView, ViewPage } from "@/api/types";
import { usePageState } from "@/features/shell/use-page-state";
import { Badge } from "@/ui/badge";
import { Button, IconButton } from "@/ui/button";
import { Checkbox } from "@/ui/checkbox";
import { Drawer } from "@/ui/drawer";
import { Field } from "@/ui/field";
import { BookmarkIcon, CloseIcon } from "@/ui/icons";
import { SkeletonRows } from "@/ui/skeleton";
import { EmptyState, ErrorState } from "@/ui/states";
import { useForgetView, useSaveView, useViews } from "./queries";

/** Views of this page that were kept, to go to, and the present one to keep: filters and time. */
export function SavedViews({ page }: { page: ViewPage }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <BookmarkIcon />
        Views
      </Button>
      <Drawer title="Saved views" open={open} onClose={() => setOpen(false)}>
        <div className="flex flex-col gap-5">
          <SaveForm page={page} />
          <ViewList page={page} onGo={() => setOpen(false)} />
        </div>
      </Drawer>
    </>
  );
}

function SaveForm({ page }: { page: ViewPage }) {
  const { params } = usePageState();
  const [name, setName] = useState("");
  const [shared, setShared] = useState(false);
  const save = useSaveView(page);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate({ name: name.trim(), state: params.toString(), shared }, { onSuccess: () => setName("") });
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-2">
      <Field
        label="Keep what this page shows now as"
        value={name}
        maxLength={100}
        hint={save.isSuccess ? `Kept as ${save.data.name}.` : "A view of yours with this name is replaced."}
        onChange={(event) => setName(event.target.value)}
      />
      <div className="flex items-center justify-between gap-2">
        <Checkbox label="Shown to everybody" checked={shared} onChange={setShared} />
        <Button type="submit" look="primary" disabled={name.trim() === "" || save.isPending}>
          Keep
        </Button>
      </div>
      {save.error ? <ErrorState problem={save.error} /> : null}
    </form>
  );
}

function ViewList({ page, onGo }: { page: ViewPage; onGo: () => void }) {
  const views = useViews(page, true);
  const forget = useForgetView(page);
  if (views.error && !views.data) {
    return <ErrorState problem={views.error} onRetry={() => void views.refetch()} />;
  }
  if (views.isPending) return <SkeletonRows rows={4} label="views" />;
  const items = views.data?.items ?? [];
  if (items.length === 0) {
    return <EmptyState title="No views yet">A view is a search with its time, by name.</EmptyState>;
  }
  return (
    <>
      {forget.error ? <ErrorState problem={forget.error} /> : null}
      <ul aria-label="Saved views" className="divide-y divide-line rounded border border-line">
        {items.map((view) => (
          <ViewLine key={view.id} view={view} onGo={onGo} onForget={() => forget.mutate(view.id)} />
        ))}
      </ul>
    </>
  );
}

type LineProps = { view: SavedView; onGo: () => void; onForget: () => void };

function ViewLine({ view, onGo, onForget }: LineProps) {
  const path = usePathname();
  return (
    <li className="flex items-center gap-2 pl-3 hover:bg-sunken">
      <Link href={`${path}?${view.state}`} onClick={onGo} className="min-w-0 flex-1 py-2">
        <span className="flex items-center gap-2">
          <span className="truncate font-medium text-[13px]">{view.name}</span>
          {view.shared ? <Badge>shared</Badge> : null}
        </span>
        <span className="block truncate font-mono text-[12px] text-ink-faint">
          {[...new URLSearchParams(view.state)].map(([key, value]) => `${key}=${value}`).join("  ") || "all"}
        </span>
      </Link>
      {view.own ? (
        <IconButton label={`Forget ${view.name}`} onClick={onForget}>
          <CloseIcon />
        </IconButton>
      ) : null}
    </li>
  );
}
