/** The ledger for people: what stands in the table, and what of one change in full. */
import { createServer } from "node:http";
import type { LedgerEntry } from "@legation/contract/api";
import { createTestClock } from "@legation/runtime/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../testing/capture.js";
import { listening } from "../testing/listening.js";

const none = { concerned: 0, acknowledged: 0, refused: 0, gone: 0, abandoned: 0, waiting: 0 };

function entry(id: string, more: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    ...{ id, kind: "health", service: "orders", what: "HTTP of n1/orders-1: passing → critical", seen: "2026-01-01T10:20:30.123Z" },
    ...{ outcome: "acknowledged", together: [], resources: ["endpoints orders"], compiledMs: 0.4, sentMs: { first: 1, last: 2 } },
    proxies: { ...none, concerned: 9, acknowledged: 9 },
    acknowledgedMs: { p50: 4.2, p99: 31.4, last: 33 },
    ...{ lastProxy: "n1/web-9", laggards: [], refusals: [], gone: [] },
    replicas: [
      {
        replica: "10.0.0.1:8080",
        state: "recorded",
        seen: "2026-01-01T10:20:30.123Z",
        proxies: { ...none, concerned: 9, acknowledged: 9 },
      },
    ],
    ...more,
  };
}

const waiting = entry("health:orders:8", {
  outcome: "waiting",
  proxies: { ...none, concerned: 9, acknowledged: 7, waiting: 1, refused: 1 },
  laggards: ["n1/web-3"],
  refusals: [{ node: "n1/web-4", resource: "cluster orders", message: "no such thing", policies: ["Service/orders: retries"] }],
  replicas: [
    { replica: "10.0.0.1:8080", state: "covered", coveredBy: "health:orders:9", seen: "2026-01-01T10:20:30.123Z" },
    { replica: "10.0.0.2:8080", state: "not-seen" },
  ],
});
const asked: string[] = [];
const server = createServer((request, answer) => {
  asked.push(request.url ?? "");
  answer.setHeader("content-type", "application/json");
  const silent = ["10.0.0.3:8080 refused the connection"];
  const idle = entry("registry:orders:7", { outcome: "nothing-to-send", proxies: none });
  const body = request.url?.includes("health%3Aorders%3A8")
    ? { change: waiting, silent }
    : { changes: [idle, entry("health:orders:7"), waiting], more: true, silent };
  answer.end(JSON.stringify(body));
});
let api: string[];
beforeAll(async () => {
  api = ["--api", await listening(server)];
});
afterAll(() => server.close());

it("shows the changes, newest last, in 80 columns, and names silent control planes", async () => {
  const { code, out } = await call(["ledger", ...api], { columns: 80 });
  expect(code).toBe(0);
  const lines = out.split("\n");
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  expect(lines[0]).toMatch(/^SEEN +ID +WHAT +PROXIES +P50\/P99 MS$/);
  expect(out).toMatch(/10:20:30 +health:orders:7 .* 9 of 9 +4\.2\/31/);
  expect(out).toMatch(/health:orders:8 .* 7 of 9,/);
  expect(out).toContain("nothing");
  expect(out.replace(/\s+/g, " ")).toContain("its proxies count as without it: 10.0.0.3:8080 refused the connection.");
});

it("asks for what is wanted", async () => {
  asked.length = 0;
  await call(["ledger", "--service", "orders", "--kind", "health", "--since", "10m", "--limit", "5", ...api], {
    clock: createTestClock(Date.parse("2026-01-01T01:00:00Z")),
  });
  const query = new URL(asked[0] ?? "", "http://x").searchParams;
  expect([query.get("service"), query.get("kind"), query.get("limit")]).toEqual(["orders", "health", "5"]);
  expect(query.get("since")).toBe("2026-01-01T00:50:00.000Z");
  const { code, err } = await call(["ledger", "--kind", "weather", ...api]);
  expect([code, err]).toEqual([2, expect.stringContaining("registry")]);
});

it("shows one change in full: who lags, who refused what and why, and what each control plane saw", async () => {
  const { out } = await call(["ledger", "--id", "health:orders:8", ...api]);
  expect(out).toContain("Waits for: n1/web-3.");
  expect(out).toContain("n1/web-4 refused cluster orders (Service/orders: retries): no such thing");
  expect(out).toContain("half within 4.2 ms, 99 % within 31.4 ms, the last (n1/web-9) after 33 ms.");
  expect(out).toMatch(/10\.0\.0\.1:8080 +10:20:30 as health:orders:9/);
  expect(out).toMatch(/10\.0\.0\.2:8080 +not yet/);
  const { out: json } = await call(["ledger", "--id", "health:orders:8", "--json", ...api]);
  expect(JSON.parse(json).change).toEqual(waiting);
});
