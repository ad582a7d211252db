import { describe, expect, test } from "vitest";
import { acknowledgeLimit, type Evidence, judge } from "./verdict.js";

const terms = { window: 60, requests: 100, limit: 600 };
const none = { requests: 0, failures: 0 };
const web = (canary: object, before: object = none, peers: object = none) => ({
  ...{ service: "web", canary: { ...none, ...canary }, before: { ...none, ...before }, peers: { ...none, ...peers } },
});
const well: Evidence = {
  proxies: [{ node: "n1/web-1", state: "acknowledged" }],
  answers: [web({ requests: 1_000 })],
  age: 70_000,
  watched: 61_000,
};
const verdict = (change: Partial<Evidence>) => judge({ terms }, { ...well, ...change });

describe("a canary", () => {
  test("is promoted when its window is over, with enough requests, and no more of them failed than usual", () => {
    expect(verdict({})).toEqual({
      decision: "promote",
      why: "its proxies have acknowledged it, and errors held for 61 s (failed: web 0 of 1000)",
    });
    expect(verdict({ answers: [web({ requests: 100, failures: 20 }, { requests: 1_000, failures: 200 })] }).decision).toBe("promote");
    expect(verdict({ answers: [web({ requests: 100, failures: 20 }, none, { requests: 1_000, failures: 200 })] }).decision).toBe("promote");
    expect(judge({ terms: { ...terms, requests: 0 } }, { ...well, answers: [] }).decision).toBe("promote");
  });

  test("waits for acknowledgements, for its window, and for requests", () => {
    for (const change of [
      { proxies: [{ node: "n1/web-1", state: "pending" as const }], age: 5_000, watched: undefined },
      { watched: 59_000 },
      { answers: [web({ requests: 99 })] },
      { answers: [web({ requests: 1_000 }), { ...web({ requests: 3 }), service: "batch" }] },
    ])
      expect(verdict(change).decision).toBe("wait");
  });

  test("goes back at once when a proxy refuses it, is late, or leaves", () => {
    const proxy = (state: "refused" | "pending" | "away", message?: string) => [
      { node: "n1/web-1", state, ...(message ? { message } : {}) },
    ];
    expect(verdict({ proxies: proxy("refused", "cluster orders: no") })).toEqual({
      decision: "withdraw",
      why: "n1/web-1 refused cluster orders: no",
    });
    expect(verdict({ proxies: proxy("pending"), age: acknowledgeLimit, watched: undefined }).why).toBe(
      "n1/web-1 has not acknowledged it within 30 s",
    );
    expect(verdict({ proxies: proxy("away") })).toEqual({ decision: "withdraw", why: "n1/web-1 is gone" });
  });

  test("goes back as soon as clearly more requests fail than before and than elsewhere, and says so", () => {
    const watched = 3_000;
    expect(
      verdict({ watched, answers: [web({ requests: 200, failures: 9 }, { requests: 1_000, failures: 2 }, { requests: 500 })] }),
    ).toEqual({
      decision: "withdraw",
      why: "requests fail at the canary of web: 9 of 200; before 2 of 1000, elsewhere 0 of 500",
    });
    for (const canary of [
      { requests: 4, failures: 3 },
      { requests: 1_000, failures: 10 },
    ])
      expect(verdict({ watched, answers: [web(canary)] }).decision).toBe("wait");
    // 14 of 100 are within three standard deviations of 5 %.
    expect(verdict({ watched, answers: [web({ requests: 100, failures: 12 }, { requests: 1_000, failures: 50 })] }).decision).toBe("wait");
  });

  test("that cannot be judged in its time goes back", () => {
    expect(verdict({ age: 600_000, answers: [web({ requests: 12 })] })).toEqual({
      decision: "withdraw",
      why: "it cannot be judged after 600 s: 12 of 100 requests at web",
    });
  });
});
