"use client";
import type { LogRecord } from "@/api/types";
import { isSearchable } from "@/features/search/terms";
import { formatDateTime } from "@/lib/format";
import { traceLink } from "@/lib/links";
import { Attributes, type OnFilter, Section } from "@/ui/attributes";
import { Button, LinkButton } from "@/ui/button";
import { Drawer } from "@/ui/drawer";
import { LogContext } from "./log-context";
import { SeverityWord } from "./log-list";
import { severityOf, splitStack } from "./model";

type Props = {
  record: LogRecord | null;
  onClose: () => void;
  onStep?: (step: 1 | -1) => void;
  onFilter?: OnFilter;
  onTrace?: (traceId: string) => void;
};

/** A whole entry: its text, its trace, and all attributes. */
export function LogDrawer({ record, onClose, onStep, onFilter, onTrace }: Props) {
  const filter = onFilter ? { onFilter, canExclude: isSearchable } : {};
  const { stack, rest } = splitStack(record?.attributes ?? {});
  return (
    <Drawer
      title={record ? `${record.service}, ${formatDateTime(record.timestamp, true)}` : ""}
      open={record !== null}
      onClose={onClose}
      {...(onStep ? { onStep } : {})}
    >
      {record ? (
        <div className="flex flex-col gap-4">
          <div className="flex flex-wrap items-center gap-2">
            <SeverityWord severity={severityOf(record)} />
            {record.trace_id ? (
              <>
                <LinkButton href={traceLink(record.trace_id, record.span_id)} look="primary">
                  Open its trace
                </LinkButton>
                {onTrace ? (
                  <Button onClick={() => onTrace(record.trace_id ?? "")}>Only this trace's lines</Button>
                ) : null}
              </>
            ) : (
              <span className="text-[12.5px] text-ink-faint">belongs to no trace</span>
            )}
          </div>
          <LongText title="Text" text={record.body} />
          {stack ? <LongText title="Stack trace" text={stack} /> : null}
          <LogContext key={record.id} record={record} />
          <Attributes label="Attributes" attributes={rest} {...filter} />
          <Attributes label="Resource" attributes={record.resource} {...filter} />
        </div>
      ) : null}
    </Drawer>
  );
}

function LongText({ title, text }: { title: string; text: string }) {
  return (
    <Section title={title}>
      <pre className="max-h-[40vh] overflow-auto whitespace-pre-wrap break-words rounded border border-line bg-sunken p-2 font-mono text-[12px]">
        {text}
      </pre>
    </Section>
  );
}
