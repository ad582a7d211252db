import { createServer } from "node:http";
import { afterAll, beforeAll, expect, it } from "vitest";
import { call, wide } from "../testing/capture.js";
import { listening } from "../testing/listening.js";
import { show } from "./security-events.js";

const event = {
  ...{
    sequence: 1,
    at: "2026-01-01T00:00:00.123Z",
    lastAt: "2026-01-01T00:00:30.000Z",
    count: 7,
    kind: "claim-refused",
    subject: "10.0.0.9",
  },
  message: "the proxy n/web-9 at 10.0.0.9 was refused: the certificate is for the service web, and the claim is to be orders",
};
const server = createServer((request, answer) => {
  answer.setHeader("content-type", "application/json");
  answer.statusCode = request.url === "/api/security-events" ? 200 : 404;
  answer.end(JSON.stringify({ events: [event] }));
});
let api: string[];
beforeAll(async () => {
  api = ["--api", await listening(server)];
});
afterAll(() => server.close());

it("lists each event with how often it was, or everything as JSON", async () => {
  const { code, out } = await call(["security-events", ...api]);
  expect(code).toBe(0);
  expect(out).toMatch(/2026-01-01T00:00:00Z +2026-01-01T00:00:30Z +claim-refused +7 +the proxy n\/web-9/);
  expect(JSON.parse((await call(["security-events", "--json", ...api])).out)).toEqual({ events: [event] });
});

it("says that nothing was seen", () => {
  expect(show({ events: [] }, wide)).toMatch(/has seen anything/);
});
