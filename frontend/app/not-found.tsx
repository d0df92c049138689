import { LinkButton } from "@/ui/button";

export default function NotFound() {
  return (
    <main className="mx-auto flex min-h-dvh max-w-md flex-col justify-center gap-3 p-6">
      <p className="eyebrow">404</p>
      <h1 className="font-semibold text-xl">There is no such page</h1>
      <p className="text-ink-soft">The address may be mistyped, or what it showed has been removed.</p>
      <div>
        <LinkButton href="/monitoring/" look="primary">
          To the overview
        </LinkButton>
      </div>
    </main>
  );
}
