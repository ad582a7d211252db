import { noIdentityPolicies } from "@legation/mesh";
import { policySet, readDocument, trafficPolicies } from "@legation/mesh/policy";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { createResourceCache } from "@legation/xds";
import { expect, test } from "vitest";
import { instance } from "../testing/catalog.js";
import { createTestEvents } from "../testing/events.js";
import { sidecarOf } from "../testing/sidecar.js";
import { createReconciler } from "./reconciler.js";

const written = (kind: string, name: string, fields: object) => {
  const read = readDocument({ apiVersion: "legation/v1", kind, name, ...fields });
  if ("flaws" in read) throw new Error(JSON.stringify(read.flaws));
  return read.document;
};
const names = Array.from({ length: 50 }, (_, i) => `s${i}`);

test("a policy of one service compiles that one and its callers, and one of the mesh all", async () => {
  const clock = createTestClock();
  const compiled = { service: 0, node: 0 };
  const reconciler = createReconciler({
    ...{ cache: createResourceCache(), clock, events: createTestEvents(clock) },
    metrics: { compiled: (what: "service" | "node") => compiled[what]++, published: () => undefined },
    leaving: { consulAnswers: () => true, atWork: () => true },
    log: createLogger({ name: "test", level: "silent" }),
  });
  for (const name of names) reconciler.set({ name, instances: [instance(name, `${name}-1`)] });
  await clock.advance(1_000);
  for (const [i, name] of names.entries())
    reconciler.claim(
      sidecarOf(name, [names[(i + 1) % 50] ?? ""], { inbound: `127.0.0.1:${20_000 + i}` }),
      { region: "", zone: "" },
      `n1/${name}-1`,
    );
  const spent = async (...documents: ReturnType<typeof written>[]) => {
    Object.assign(compiled, { service: 0, node: 0 });
    reconciler.setPolicies(noIdentityPolicies, trafficPolicies(policySet(documents)));
    await clock.advance(1_000);
    return { ...compiled };
  };
  const service = written("Service", "s7", { timeouts: { request: "1s" } });
  // The one caller's view, and the service's own instance.
  expect(await spent(service)).toEqual({ service: 1, node: 2 });
  expect(await spent(service)).toEqual({ service: 0, node: 0 });
  expect(await spent(service, written("MeshDefaults", "mesh", { limits: { requests: 7 } }))).toEqual({ service: 50, node: 100 });
  expect(await spent()).toEqual({ service: 50, node: 100 });
});
