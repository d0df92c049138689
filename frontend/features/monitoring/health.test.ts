import { describe, expect, test } from "vitest";
import type { Platform, PlatformProcess } from "@/api/types";
import { healthOf } from "./health";

function process(name: string, state: string, labels: Record<string, string> = {}): PlatformProcess {
  return {
    name,
    state: state as PlatformProcess["state"],
    pid: 1,
    since: "2026-01-01T00:00:00Z",
    restarts: 0,
    last_check: null,
    detail: null,
    ports: [],
    labels,
  };
}

function platform(processes: PlatformProcess[], stale = false): Platform {
  return {
    version: 1,
    written_at: "2026-01-01T00:00:00Z",
    warden: { pid: 1, since: "2026-01-01T00:00:00Z" },
    supervisor: { pid: 1, since: "2026-01-01T00:00:00Z" },
    application: { name: "shop", file: "compose.yaml", release: "r1", services: ["web"] },
    processes,
    stale,
  };
}

const web = { kind: "application", service: "web", colour: "blue", release: "r1" };

describe("health", () => {
  test("puts the application apart from the platform that carries it", () => {
    const health = healthOf(platform([process("postgres", "ready"), process("web.blue", "ready", web)]));
    expect(health.application.rows.map((row) => row.name)).toEqual(["web.blue"]);
    expect(health.platform.rows.map((row) => row.name)).toEqual(["postgres"]);
    expect(health.overall).toEqual({ tone: "ok", text: "All 2 ready" });
  });

  test("shows first what needs attention", () => {
    const rows = healthOf(
      platform([
        process("a", "ready"),
        process("b", "stopped"),
        process("c", "starting"),
        process("d", "crash_loop"),
      ]),
    ).platform.rows;
    expect(rows.map((row) => row.name)).toEqual(["d", "c", "a", "b"]);
  });

  test("does not hold an idle colour against the application", () => {
    const green = { ...web, colour: "green" };
    const health = healthOf(
      platform([process("web.blue", "ready", web), process("web.green", "stopped", green)]),
    );
    expect(health.application.verdict).toEqual({ tone: "ok", text: "Ready" });
  });

  test("says how many are ready when one is not", () => {
    const health = healthOf(platform([process("a", "ready"), process("b", "unhealthy")]));
    expect(health.overall).toEqual({ tone: "bad", text: "1 of 2 ready" });
  });

  test("calls everything unknown when the status is stale: unknown is never success", () => {
    const health = healthOf(platform([process("web.blue", "ready", web)], true));
    expect(health.overall.tone).toBe("unknown");
    expect(health.application.rows[0]?.label).toBe("Was ready");
  });

  test("does not take a state that it does not know for a good one", () => {
    expect(healthOf(platform([process("a", "dreaming")])).overall.tone).toBe("unknown");
  });

  test("of no processes is unknown", () => {
    expect(healthOf(platform([])).overall).toEqual({ tone: "unknown", text: "Nothing runs" });
  });
});
