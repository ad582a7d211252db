import { createLogger, Registry } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, test } from "vitest";
import { createSecurityEvents, gatherMs, linesPerKind, securityEventsKept } from "./events.js";

function setUp() {
  const clock = createTestClock();
  const lines: { event: string; msg: string; count?: number }[] = [];
  const log = createLogger({ name: "t", level: "info", destination: { write: (line) => void lines.push(JSON.parse(line)) } });
  const metrics = new Registry();
  return { clock, lines, metrics, events: createSecurityEvents({ log, metrics, clock }) };
}

const refused = (subject: string) => ({ kind: "claim-refused", subject, message: `${subject} says that it is orders` }) as const;

describe("security events", () => {
  test("repetitions are one event with a count, one line in the log, and all of them in the figures", async () => {
    const { clock, lines, metrics, events } = setUp();
    for (let i = 0; i < 5; i++) {
      events.report(refused("10.0.0.9"));
      await clock.advance(1_000);
    }
    expect(events.list()).toMatchObject([{ sequence: 1, kind: "claim-refused", subject: "10.0.0.9", count: 5 }]);
    expect((events.list()[0]?.lastAt ?? 0) - (events.list()[0]?.at ?? 0)).toBe(4_000);
    expect(lines.map(({ event }) => event)).toEqual(["security.claim-refused"]);
    const text = await metrics.metrics();
    expect(text).toContain('legation_security_events_total{kind="claim-refused"} 5');
    expect(text).toContain('legation_security_events_total{kind="bundle-tampered"} 0');
    await clock.advance(gatherMs);
    events.report(refused("10.0.0.9"));
    expect(events.list().map(({ count }) => count)).toEqual([5, 1]);
    expect(lines).toHaveLength(2);
  });

  test("a flood of subjects writes few lines, says how many it left out, and is kept in bounds", async () => {
    const { clock, lines, events } = setUp();
    const flood = 3 * securityEventsKept;
    for (let i = 0; i < flood; i++) events.report(refused(`10.0.${i >> 8}.${i & 255}`));
    expect(lines).toHaveLength(linesPerKind);
    expect(events.list()).toHaveLength(securityEventsKept);
    expect(events.list().at(-1)?.sequence).toBe(flood);
    events.report({ kind: "bundle-tampered", subject: "abc", message: "another kind is not drowned" });
    expect(lines.at(-1)?.event).toBe("security.bundle-tampered");
    await clock.advance(gatherMs);
    events.report(refused("10.9.9.9"));
    expect(lines.slice(-2)).toMatchObject([
      { event: "security.unlogged", count: flood - linesPerKind },
      { event: "security.claim-refused" },
    ]);
  });
});
