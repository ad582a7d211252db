import { createServer, type Server } from "node:http";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, expect, it, vi } from "vitest";
import { begin } from "./testing/capture.js";
import { listening } from "./testing/listening.js";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const service = (protocol: string) => ({
  services: { a: { protocol, versions: [], dependencies: [], endpoints: { healthy: 1 }, problems: [] } },
});

/** A control plane whose answers are taken in turn, the last again and again; a number is a status. */
async function serve(...answers: readonly unknown[]): Promise<string> {
  let asked = 0;
  const server = createServer((_request, response) => {
    const answer = answers[Math.min(asked++, answers.length - 1)];
    response.statusCode = typeof answer === "number" ? answer : 200;
    response.end(JSON.stringify(typeof answer === "number" ? { detail: "it restarts" } : answer));
  });
  servers.push(server);
  return await listening(server);
}

const watching = (api: string, ...more: string[]) => ["services", "--watch", "2s", "--api", api, ...more];

it("appends each answer below a line with the time where there is no terminal, until Ctrl-C", async () => {
  const clock = createTestClock();
  const running = begin(watching(await serve(service("http"), service("tcp"))), { clock });
  await vi.waitFor(() => expect(running.out()).toContain("http"));
  await clock.advance(2_000);
  await vi.waitFor(() => expect(running.out()).toContain("tcp"));
  running.signal("SIGINT");
  const { code, out, err } = await running.ended;
  expect([code, err]).toEqual([130, ""]);
  expect(out.match(/^--- 2024-01-01T00:00:0\dZ$/gm)).toEqual(["--- 2024-01-01T00:00:00Z", "--- 2024-01-01T00:00:02Z"]);
  expect(out).not.toContain("\u001b");
});

it("prints one line of JSON for each answer", async () => {
  const clock = createTestClock();
  const running = begin(watching(await serve(service("http"), service("tcp")), "--json"), { clock });
  await vi.waitFor(() => expect(running.out().split("\n")).toHaveLength(2));
  await clock.advance(2_000);
  await vi.waitFor(() => expect(running.out().split("\n")).toHaveLength(3));
  running.signal("SIGTERM");
  const { code, out } = await running.ended;
  expect(code).toBe(143);
  expect(
    out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([service("http"), service("tcp")]);
});

it("draws in place on a terminal, no more than fits, and gives back what stood there before", async () => {
  const clock = createTestClock();
  const many = { services: Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`s${i}`, service("http").services.a])) };
  const running = begin(watching(await serve(many, service("tcp"))), { clock, isTTY: true, columns: 80, rows: 10, env: { NO_COLOR: "1" } });
  await vi.waitFor(() => expect(running.out()).toContain("more lines"));
  const [, first = ""] = running.out().split("\u001b[H");
  expect(first.split("\r\n").length).toBeLessThanOrEqual(10);
  expect(first).toContain("every 2 s: legation services");
  await clock.advance(2_000);
  await vi.waitFor(() => expect(running.out()).toContain("tcp"));
  running.signal("SIGINT");
  const { out } = await running.ended;
  expect(out.startsWith("\u001b[?1049h\u001b[?25l")).toBe(true);
  expect(out.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
  expect(out).not.toContain("\u001b[2J");
});

it("keeps the last answer on the screen while the control plane restarts, says since when, and goes on", async () => {
  const clock = createTestClock();
  const running = begin(watching(await serve(service("http"), 503, service("tcp"))), { clock, isTTY: true, columns: 80, rows: 24 });
  await vi.waitFor(() => expect(running.out()).toContain("http"));
  await clock.advance(2_000);
  await vi.waitFor(() => expect(running.out()).toMatch(/answered 503: it/));
  const [drawn = ""] = running.out().split("\u001b[H").slice(-1);
  expect(drawn).toContain("As of 2024-01-01T00:00:00Z: ");
  expect(drawn).toContain("http");
  await clock.advance(2_000);
  await vi.waitFor(() => expect(running.out()).toContain("tcp"));
  running.signal("SIGINT");
  expect((await running.ended).code).toBe(130);
});

it("fails at once when the first answer is a failure, or a later one that asking again does not mend", async () => {
  expect(await begin(watching("127.0.0.1:1")).ended).toMatchObject({ code: 3 });
  const clock = createTestClock();
  const running = begin(watching(await serve(service("http"), 403)), { clock });
  await vi.waitFor(() => expect(running.out()).toContain("http"));
  await clock.advance(2_000);
  expect(await running.ended).toMatchObject({ code: 5 });
});

it.each([
  [["--watch=fast"], '--watch: "fast" is not a duration'],
  [["--watch=1ms"], "is too short. Write 100ms or more"],
])("refuses %j", async (flags, message) => {
  const { code, err } = await begin(["services", ...flags]).ended;
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
});
