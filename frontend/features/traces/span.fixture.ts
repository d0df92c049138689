/** A span for tests: everything that the API always sends, and what a test is about. */
import type { Span } from "@/api/types";

export function aSpan(more: Partial<Span> = {}): Span {
  return {
    span_id: "a",
    parent_span_id: null,
    name: "work",
    kind: "internal",
    service: "web",
    start: "2026-01-01T00:00:00Z",
    offset_ms: 0,
    duration_ms: 1,
    status: "unset",
    status_message: "",
    attributes: {},
    resource: {},
    events: [],
    links: [],
    ...more,
  };
}
