import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { watchResponsiveness } from "./responsiveness.js";

function watched(limitMs = 9_000) {
  const clock = createTestClock();
  const silences: number[] = [];
  const envoy = { answers: true };
  const watch = watchResponsiveness({
    ask: async () => {
      if (envoy.answers) return;
      await clock.sleep(2_000);
      throw new Error("did not answer within 2000 ms");
    },
    limitMs,
    clock,
    onSilent: (ms) => silences.push(ms),
  });
  return { clock, silences, envoy, watch };
}

describe("an Envoy that may fall silent", () => {
  it("is left alone while it answers, and after one answer that was missed", async () => {
    const { clock, silences, envoy } = watched();
    await clock.advance(60_000);
    envoy.answers = false;
    await clock.advance(4_000);
    envoy.answers = true;
    await clock.advance(60_000);
    expect(silences).toEqual([]);
  });

  it("is reported once, soon after the limit", async () => {
    const { clock, silences, envoy } = watched();
    envoy.answers = false;
    await clock.advance(17_000);
    expect(silences).toHaveLength(1);
    expect(silences[0]).toBeGreaterThanOrEqual(9_000);
    await clock.advance(60_000);
    expect(silences).toHaveLength(1);
  });

  it("is not reported for the one look that found nothing, however long ago the look before was", async () => {
    const { clock, silences, envoy } = watched(3_000);
    envoy.answers = false;
    await clock.advance(3_000);
    expect(silences).toEqual([]);
  });

  it("is not asked any more once the watch is over", async () => {
    const { clock, silences, envoy, watch } = watched();
    envoy.answers = false;
    watch.cancel();
    await clock.advance(60_000);
    expect(silences).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
