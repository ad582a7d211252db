import { createServer } from "node:http";
import {
  agentList,
  auditList,
  driftReport,
  eventList,
  explanation,
  flagExplanation,
  graphView,
  instanceList,
  intentionList,
  ledgerAnswer,
  ledgerList,
  orchestratedService,
  policyList,
  proxyDetail,
  proxyList,
  replicaList,
  securityEventList,
  serviceList,
  whyNotAnswer,
} from "@legation/contract/api";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { unpainted } from "./screen.js";
import { call } from "./testing/capture.js";
import { listening } from "./testing/listening.js";
import { answersOf } from "./testing/random-answer.js";
import { textWidth } from "./text-width.js";

let answer: unknown;
const server = createServer((_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(answer));
});
let api: readonly string[];
beforeAll(async () => {
  api = ["--api", await listening(server)];
});
afterAll(() => server.close());

it.each([
  ["services --consul", serviceList],
  ["proxies", proxyList],
  ["agents", agentList],
  ["graph", graphView],
  ["status", replicaList],
  ["audit", auditList],
  ["security-events", securityEventList],
  ["intentions", intentionList],
  ["policy list", policyList],
  ["instances", instanceList],
  ["why-not orders-1", whyNotAnswer],
  ["ledger", ledgerList],
  ["events", eventList],
  ["explain GET http://orders/ --from web", explanation],
  ["explain UF", flagExplanation],
  ["services orders", orchestratedService],
  ["proxies n1/web-1", proxyDetail],
  ["proxies n1/web-1 --drift", driftReport],
  ["ledger --id health:orders:1", ledgerAnswer],
] as const)(
  "%s shows whatever the schema allows within 80 columns and without a control character, and as JSON as it is",
  async (line, schema) => {
    const argv = line.split(" ");
    await fc.assert(
      fc.asyncProperty(answersOf(schema), async (body) => {
        answer = body;
        const shown = await call([...argv, ...api], { columns: 80 });
        expect(shown.err).toBe("");
        for (const row of shown.out.split("\n")) expect(textWidth(row), row).toBeLessThanOrEqual(80);
        expect(shown.out).not.toMatch(/[^\P{Cc}\n]|[\u202a-\u202e\u2066-\u2069]/u);
        const painted = await call([...argv, ...api], { columns: 80, isTTY: true });
        const trimmed = (text: string) => text.replaceAll(/ +$/gm, "");
        expect(trimmed(unpainted(painted.out))).toBe(trimmed(shown.out));
        const json = await call([...argv, "--json", ...api]);
        expect(JSON.parse(json.out)).toEqual(JSON.parse(JSON.stringify(body)));
        expect(json.out).not.toMatch(/[^\P{Cc}\n]/u);
      }),
      { numRuns: 60 },
    );
  },
  60_000,
);
