import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { createPresence, type PresenceAgent, presenceTimes } from "./presence.js";

function scene() {
  const clock = createTestClock();
  const events: string[] = [];
  const calls: string[] = [];
  const registry = new Set<string>();
  const said: unknown[] = [];
  let tls = false;
  let reachable = true;
  const answer = (call: string) => {
    calls.push(call);
    if (!reachable) throw new Error("connection refused");
  };
  const agent: PresenceAgent = {
    async register(registration) {
      answer("register");
      registry.add(String(registration.ID));
      said.push(registration.Meta?.["tls"]);
    },
    async checkUpdate(checkId) {
      answer("renew");
      if (!registry.has(checkId.replace(/-ttl$/, ""))) throw new Error("Unknown check ID");
    },
    async deregister(id) {
      answer("deregister");
      registry.delete(id);
    },
  };
  const log = createLogger({ name: "test", destination: { write: (line: string) => events.push(JSON.parse(line).event) } });
  const entry = { http: { host: "127.0.0.1", port: 8080 }, xds: "127.0.0.1:18000", version: "0.1.0", replica: "r1", tls: () => tls };
  const presence = createPresence({ agent, entry, clock, log });
  const reach = (value: boolean) => {
    reachable = value;
  };
  const serveTls = () => {
    tls = true;
    presence.changed();
  };
  return { clock, events, calls, registry, said, presence, reach, serveTls };
}

test("it registers once, renews, and takes its entry away at the end", async () => {
  const { clock, calls, registry, presence, events } = scene();
  presence.start();
  await clock.advance(0);
  expect([...registry]).toEqual(["legation-control-plane-8080"]);
  await clock.advance(2 * presenceTimes.renew);
  await presence.stop();
  expect(calls).toEqual(["register", "renew", "renew", "deregister"]);
  expect(registry.size).toBe(0);
  expect(events).toEqual(["presence.registered"]);
  expect(clock.pending).toBe(0);
});

test("an entry that Consul has forgotten is registered again in the same round", async () => {
  const { clock, calls, registry, presence } = scene();
  presence.start();
  await clock.advance(0);
  registry.clear();
  await clock.advance(presenceTimes.renew);
  expect(calls).toEqual(["register", "renew", "register"]);
  expect(registry.size).toBe(1);
  await presence.stop();
});

test("it says at once that TLS is served, and goes on to renew", async () => {
  const { clock, calls, said, presence, serveTls } = scene();
  presence.start();
  await clock.advance(0);
  serveTls();
  await clock.advance(0);
  await clock.advance(presenceTimes.renew);
  expect(calls).toEqual(["register", "register", "renew"]);
  expect(said).toEqual([undefined, "true"]);
  await presence.stop();
});

test("without Consul it complains once, goes on trying, and stopping does not fail", async () => {
  const { clock, registry, presence, events, reach } = scene();
  reach(false);
  presence.start();
  await clock.advance(5 * presenceTimes.renew);
  expect(events).toEqual(["presence.lost"]);
  reach(true);
  await clock.advance(presenceTimes.renew);
  expect(registry.size).toBe(1);
  reach(false);
  await presence.stop();
  expect(events).toEqual(["presence.lost", "presence.registered", "presence.left-behind"]);
});
