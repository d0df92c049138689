"use client";
import { type FormEvent, useState } from "react";
import {
  fixedRange,
  isSpan,
  SPAN_NAMES,
  SPANS,
  type TimeRange,
  toLocalField,
  windowOf,
} from "@/lib/time-range";
import { Button } from "@/ui/button";
import { Drawer } from "@/ui/drawer";
import { Field } from "@/ui/field";
import { Segmented } from "@/ui/segmented";

const PROBLEMS = {
  unreadable: "Give both times.",
  reversed: "The end must be after the start.",
  too_long: "At most 31 days.",
} as const;

type Props = { range: TimeRange; onChange: (range: TimeRange) => void };

export function RangePicker({ range, onChange }: Props) {
  const [open, setOpen] = useState(false);
  const options = [
    ...Object.keys(SPANS).map((span) => ({
      value: span,
      label: span,
      name: isSpan(span) ? SPAN_NAMES[span] : span,
    })),
    { value: "custom", label: "Custom", name: "Choose start and end" },
  ];
  return (
    <>
      <Segmented
        label="Time range"
        value={range.kind === "last" ? range.span : "custom"}
        options={options}
        onChange={(value) => (isSpan(value) ? onChange({ kind: "last", span: value }) : setOpen(true))}
      />
      <Drawer kind="middle" title="Time range" open={open} onClose={() => setOpen(false)}>
        <CustomRange
          range={range}
          onChange={(next) => {
            setOpen(false);
            onChange(next);
          }}
        />
      </Drawer>
    </>
  );
}

function CustomRange({ range, onChange }: Props) {
  const now = windowOf(range, Date.now());
  const [from, setFrom] = useState(toLocalField(now.from));
  const [to, setTo] = useState(toLocalField(now.to));
  const [problem, setProblem] = useState<string | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = fixedRange(Date.parse(from), Date.parse(to));
    if (typeof next === "string") setProblem(PROBLEMS[next]);
    else onChange(next);
  };
  return (
    <form onSubmit={submit} className="flex flex-col gap-3">
      <Field
        label="From"
        type="datetime-local"
        step={1}
        value={from}
        onChange={(event) => setFrom(event.target.value)}
      />
      <Field
        label="To"
        type="datetime-local"
        step={1}
        value={to}
        problem={problem}
        onChange={(event) => setTo(event.target.value)}
      />
      <Button type="submit" look="primary">
        Show this time
      </Button>
    </form>
  );
}
