/** A source over a fake Consul on a clock of the test's, and what it tells in short words. */
import { endpointOf } from "@legation/mesh";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach } from "vitest";
import type { CatalogEvent, CatalogSource } from "../catalog-event.js";
import { type ConsulCatalogOptions, createConsulCatalog } from "../consul-catalog.js";
import { createFakeConsul } from "./fake-consul.js";

const running: CatalogSource[] = [];
afterEach(() => {
  for (const source of running.splice(0)) source.stop();
});

/** A source over a fake Consul, with what it told in short words: `web a:HEALTHY*3 b:omitted`. */
export function setUp(options: Partial<ConsulCatalogOptions> = {}, consul = createFakeConsul()) {
  const clock = createTestClock();
  const events: CatalogEvent[] = [];
  const warnings: string[] = [];
  const note = (fields: object) => void warnings.push(JSON.stringify(fields));
  const source = createConsulCatalog({
    consul,
    clock,
    log: { info: note, warn: note, error: note } as unknown as ConsulCatalogOptions["log"],
    onEvent: (event) => void events.push(event),
    random: () => 0.5,
    ...options,
  });
  running.push(source);
  const told = () =>
    events
      .splice(0)
      .filter((e) => !(e.kind === "service" && e.service.name === "consul"))
      .map(inWords);
  return {
    consul,
    clock,
    source,
    warnings,
    told,
    raw: () => events.splice(0),
    /** Starts, waits for the first complete read, and forgets what was told until then. */
    async ready() {
      source.start();
      await clock.advance(1_000);
      consul.asked();
      return told();
    },
    /** What is told within `ms`. */
    async after(ms: number) {
      await clock.advance(ms);
      return told();
    },
  };
}

function inWords(event: CatalogEvent): string {
  if (event.kind === "alert") return `alert ${event.alert.kind} ${event.alert.service}`;
  if (event.kind === "removed") return `removed ${event.name}`;
  if (event.kind !== "service") return event.kind;
  const instances = event.service.instances.map((instance) => {
    const endpoint = endpointOf({ ...instance, address: "10.0.0.9" });
    const state = endpoint.omitted ? "omitted" : `${endpoint.health}${endpoint.weight === 1 ? "" : `*${endpoint.weight}`}`;
    return `${instance.id}:${state}${instance.kept ? "(kept)" : ""}`;
  });
  return `${event.service.name} ${instances.join(" ")}`;
}

/** A fake Consul with passing instances of `web`. */
export function withWeb(...ids: string[]) {
  const consul = createFakeConsul();
  for (const id of ids) consul.register({ service: "web", id });
  return consul;
}
