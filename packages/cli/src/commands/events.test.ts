import { createServer } from "node:http";
import type { MeshEvent } from "@legation/contract/api";
import { createTestClock } from "@legation/runtime/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { begin, call, wide } from "../testing/capture.js";
import { listening } from "../testing/listening.js";
import { show } from "./events.js";

const event = (id: string, text: string): MeshEvent => ({
  ...{ id, time: "2026-01-01T00:00:00.123Z", severity: "error", service: "orders", instance: "n1/o1", replica: "127.0.0.1:8080" },
  ...{ type: "instance.health-changed", text, details: { to: "critical", checks: [] } },
});
const asked: string[] = [];
let answer: (query: URLSearchParams) => { readonly status?: number; readonly body: object };
const server = createServer((request, reply) => {
  const url = new URL(request.url ?? "", "http://x");
  asked.push(url.search);
  const { status = 200, body } = answer(url.searchParams);
  reply.statusCode = status;
  reply.setHeader("content-type", "application/json");
  reply.end(JSON.stringify(body));
});
let api: string[];
beforeAll(async () => {
  api = ["--api", await listening(server)];
});
afterAll(() => server.close());

it("lists events in a table, or the answer as JSON, and passes on what was asked for", async () => {
  const body = { events: [event("a", "n1/o1 is critical")], next: "x", more: false, silent: ["10.0.0.2:8080 refused the connection"] };
  answer = () => ({ body });
  const clock = createTestClock(Date.parse("2026-01-01T01:00:00Z"));
  const { code, out } = await call(
    ["events", "--since", "10m", "--type", "breaker,instance", "--service", "orders", "--severity", "warning", ...api],
    { clock },
  );
  expect(code).toBe(0);
  expect(out).toMatch(/2026-01-01T00:00:00Z +instance.health-changed +n1\/o1 is critical\n/);
  expect(out).toContain("Not told: what only the control plane at 10.0.0.2:8080 refused the connection sees.");
  const query = new URLSearchParams(asked.at(-1));
  expect(Object.fromEntries(query)).toEqual({
    ...{ severity: "warning", limit: "100", since: "2026-01-01T00:50:00.000Z", service: "orders", type: "breaker,instance" },
  });
  expect(JSON.parse((await call(["events", "--json", ...api])).out)).toEqual(body);
});

it("follows: each event once, behind the last place, through failures that pass, and says what is missing", async () => {
  const clock = createTestClock();
  let failing = false;
  answer = (query) => {
    if (failing) return { status: 503, body: { code: "server.stopping", detail: "stops" } };
    const after = query.get("after");
    if (after === null) return { body: { events: [event("a", "first")], next: "1", more: false, silent: [] } };
    if (after === "1") return { body: { events: [event("a", "first"), event("b", "second")], next: "2", more: true, silent: [] } };
    if (after === "2")
      return { body: { events: [event("c", "third")], next: "3", more: false, gap: { missing: 2, why: "too old" }, silent: [] } };
    return { body: { events: [], next: "3", more: false, silent: [] } };
  };
  const calling = begin(["events", "--follow", "--json", ...api], { clock });
  const until = async (holds: () => boolean) => {
    for (let i = 0; i < 500 && !holds(); i++) {
      await clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(holds()).toBe(true);
  };
  await until(() => calling.out().includes("third"));
  failing = true;
  await until(() => calling.err().includes("Asking again."));
  failing = false;
  calling.signal("SIGINT");
  expect((await calling.ended).code).toBe(130);
  const lines = calling.out().trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as MeshEvent).id)).toEqual(["a", "b", "c"]);
  expect(calling.err()).toContain("Events are missing: too old.");
});

it("paints the type of what it follows on a terminal, and nothing that came with the event", async () => {
  answer = () => ({ body: { events: [event("a", "is \u001b[31mcritical")], next: "1", more: false, silent: [] } });
  const calling = begin(["events", "--follow", ...api], { isTTY: true });
  await expect.poll(calling.out, { timeout: 10_000 }).toContain("critical");
  calling.signal("SIGINT");
  const line = "2026-01-01T00:00:00Z \u001b[31minstance.health-changed\u001b[0m is \\u001b[31mcritical\n";
  expect(await calling.ended).toEqual({ code: 130, out: line, err: "" });
});

it("says that nothing has happened", () => {
  expect(show({ events: [], silent: [] }, wide)).toMatch(/Nothing of this kind has happened/);
});
