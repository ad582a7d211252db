import type { Consul } from "@legation/consul";
import { createConsul } from "@legation/consul";
import { createTestIntentions, newestConsul, startConsulServer } from "@legation/consul/testing";
import type { KnownIntentions, Verdict } from "@legation/mesh";
import { createLogger, systemClock } from "@legation/runtime";
import { afterEach, expect, test, vi } from "vitest";
import { createIntentionSource, type IntentionSource, type SaidIntentions } from "./consul-intentions.js";
import { parseIntentions } from "./intention-rows.js";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 30_000, interval: 10 });

function follow(
  consul: Pick<Consul, "get">,
  known?: SaidIntentions,
  byDefault?: Verdict,
): { source: IntentionSource; told: KnownIntentions[]; events: string[] } {
  const told: KnownIntentions[] = [];
  const events: string[] = [];
  const log = createLogger({ name: "test", destination: { write: (line: string) => events.push(JSON.parse(line).event) } });
  const source = createIntentionSource({
    consul,
    byDefault,
    known,
    onIntentions: (next) => told.push(next),
    onSettled: () => undefined,
    clock: systemClock,
    log,
  });
  ends.push(() => source.stop());
  source.start();
  return { source, told, events };
}

test("a change is told, Consul's silence and the loss of its data are not, and a new intention ends the hold", {
  timeout: 120_000,
}, async () => {
  const server = await startConsulServer({ version: newestConsul() });
  ends.push(() => server.stop());
  const consul = createConsul({ address: server.url });
  ends.push(() => consul.close());
  const intentions = createTestIntentions(server);
  const { source, told, events } = follow(consul);
  await eventually(() => expect(told).toEqual([{ intentions: [], byDefault: "allow" }]));
  for (const name of ["web", "admin", "other"]) await intentions.replace([{ source: name, destination: "orders", rule: "deny" }]);
  await eventually(() => expect(told.at(-1)?.intentions[0]?.source.name).toBe("other"));
  const before = told.length;

  await server.restart({ keepData: false });
  await eventually(() => expect(events).toContain("intentions.lost"));
  expect(told.length).toBe(before);
  expect(source.said()?.rows).toHaveLength(1);

  // What another run saved is held in the same way.
  const later = follow(consul, source.said());
  await eventually(() => expect(later.source.settled()).toBe(true));
  expect(later.told).toEqual([]);

  await intentions.replace([{ source: "web", destination: "orders", rule: "deny" }]);
  await eventually(() => expect(told.at(-1)?.intentions[0]?.source.name).toBe("web"));
  await intentions.replace([]);
  await eventually(() => expect(told.at(-1)?.intentions).toEqual([]));
});

test("a token that may not read the agent leaves the default to the flag, and intentions that are hidden are not believed", async () => {
  const forbidden = Object.assign(new Error("no"), { code: "consul.forbidden" });
  let hidden = false;
  const answer = { index: 7, knownLeader: true, lastContactMs: 0, bytes: 2 };
  const consul = {
    async get<T>(path: string, o?: { index?: number; signal?: AbortSignal }) {
      if (path === "/agent/self") throw forbidden;
      if (o?.index) await new Promise((_resolve, reject) => o.signal?.addEventListener("abort", () => reject(new Error("over"))));
      return { ...answer, filteredByAcl: hidden, data: [] as T };
    },
  } as Pick<Consul, "get">;
  const without = follow(consul);
  await eventually(() => expect(without.told).toEqual([{ intentions: [], byDefault: undefined }]));
  expect(without.events).toContain("intentions.default-unknown");
  const given = follow(consul, undefined, "deny");
  await eventually(() => expect(given.told).toEqual([{ intentions: [], byDefault: "deny" }]));
  hidden = true;
  const blind = follow(consul);
  await eventually(() => expect(blind.events).toContain("intentions.unknown"));
  expect(blind.told).toEqual([]);
});

test.each([
  ["a JWT of its destination", { JWT: { Providers: [{ Name: "okta" }] }, Action: "allow" }, /JWT/],
  ["a JWT of a permission", { Permissions: [{ Action: "allow", HTTP: { PathPrefix: "/" }, JWT: { Providers: [] } }] }, /JWT/],
  ["an expression that Envoy refuses", { Permissions: [{ Action: "allow", HTTP: { PathRegex: "a(?=b)" } }] }, /RE2/],
  ["a matcher of the future", { Permissions: [{ Action: "allow", HTTP: { PathGlob: "/*" } }] }, /PathGlob/],
  ["a header that must be nothing", { Permissions: [{ Action: "allow", HTTP: { Header: [{ Name: "x" }] } }] }, /what it must be/],
  ["another action", { Action: "maybe" }, /maybe/],
  ["a sameness group", { Action: "allow", SourceSamenessGroup: "g" }, /sameness group/],
])("an intention with %s denies, and says why", (_what, row, why) => {
  const { intentions } = parseIntentions([{ SourceName: "web", DestinationName: "orders", ...row }]);
  expect(intentions).toEqual([expect.objectContaining({ flaw: expect.stringMatching(why) })]);
});

test("an intention for callers of a peer, whom nobody here can be, is left out with a reason", () => {
  const { intentions, leftOut } = parseIntentions([{ SourceName: "web", DestinationName: "orders", Action: "allow", SourcePeer: "east" }]);
  expect(intentions).toEqual([]);
  expect(leftOut).toEqual([expect.stringContaining("east")]);
});
