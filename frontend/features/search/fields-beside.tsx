"use client";
import { type ReactNode, useState } from "react";
import { Button } from "@/ui/button";
import { Card } from "@/ui/card";
import { Drawer } from "@/ui/drawer";
import { FilterIcon } from "@/ui/icons";
import { useIsWide } from "@/ui/use-is-wide";

type Props = { fields: ReactNode; children: ReactNode };

/** A list with its fields on the left, where the screen has room for them: else see FieldsButton. */
export function FieldsBeside({ fields, children }: Props) {
  const isWide = useIsWide(); // what is not shown is not asked for
  return (
    <div className="grid items-start gap-3 lg:grid-cols-[15rem_minmax(0,1fr)]">
      <Card
        title="Fields"
        flush
        testId="facets"
        className="sticky top-3 max-h-[calc(100dvh-1.5rem)] overflow-y-auto max-lg:hidden"
      >
        {isWide ? fields : null}
      </Card>
      <div className="flex min-w-0 flex-col gap-3">{children}</div>
    </div>
  );
}

/** Fields on a screen that has no room for them beside the list. */
export function FieldsButton({ fields }: { fields: ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button className="lg:hidden" onClick={() => setOpen(true)}>
        <FilterIcon />
        Fields
      </Button>
      <Drawer kind="left" title="Fields" open={open} onClose={() => setOpen(false)}>
        {fields}
      </Drawer>
    </>
  );
}
