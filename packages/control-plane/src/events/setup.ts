/** The events of one control plane, put together: what tells them, what keeps them, and how they reach the others. */
import { join } from "node:path";
import type { CatalogService, KnownIntentions } from "@legation/mesh";
import { type Clock, Counter, type Lifecycle, type Logger, type Registry } from "@legation/runtime";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replica } from "../replicas/directory.js";
import { readEvents } from "../state/events-file.js";
import { createJournal } from "../state/journal.js";
import { type AgentEvents, createAgentEvents } from "./agent-events.js";
import type { EventLog, EventRow } from "./event-log.js";
import { createEvents, type Teller } from "./events.js";
import { createIntentionEvents } from "./intention-events.js";
import { createRegistryEvents, type RegistryEvents } from "./registry-events.js";
import { createEventRelay, type EventRelay } from "./relay.js";
import { createReplicaEvents } from "./replica-events.js";

/** See the file's sentence. */
export interface EventSetup extends Teller {
  readonly log: EventLog;
  readonly registry: RegistryEvents;
  readonly agents: Pick<AgentEvents, "take">;
  readonly intentions: (known: KnownIntentions) => void;
  /** The services that the last run knew. */
  restore(services: readonly CatalogService[]): void;
  /** Begins to ask the other control planes, which `replicas` tells. */
  relay(ask: AskReplica): void;
  /** These are the others now. */
  replicas(others: readonly Replica[]): void;
  /** The others that do not tell their events, each with the reason. */
  silent(): readonly string[];
}

/** Reads what the last run kept in the state directory. `replica` is this run's name; `address` is where it answers, once it does. */
export async function createEventSetup(o: {
  readonly stateDir: string;
  readonly replica: string;
  readonly address: () => string;
  readonly metrics: Registry;
  readonly lifecycle: Pick<Lifecycle, "onStop">;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<EventSetup> {
  const { clock, log } = o;
  const path = join(o.stateDir, "events", "events.jsonl");
  const journal = createJournal({ path, what: "events", clock, log });
  const total = new Counter({
    name: "legation_events_total",
    help: "Events of the mesh since the start of this replica. Told among the replicas: alike at every replica.",
    labelNames: ["type", "severity"] as const,
    registers: [o.metrics],
  });
  const keep = (row: EventRow): void => {
    if (restoring) return;
    const { type, severity } = row.event;
    total.inc({ type, severity });
    journal.append(row);
  };
  let restoring = true;
  const events = createEvents({
    clock,
    run: o.replica.replaceAll("-", "").slice(0, 8),
    address: o.address,
    kept: keep,
  });
  for (const row of await readEvents(path)) events.take(row);
  restoring = false;
  const agents = createAgentEvents(events, clock);
  const registry = createRegistryEvents(events);
  const replicas = createReplicaEvents(events);
  let relay: EventRelay | undefined;
  let others: readonly Replica[] = [];
  o.lifecycle.onStop("events", 2_000, async () => {
    relay?.stop();
    agents.stop();
    await journal.stop();
  });
  return {
    ...{ tell: events.tell, settle: events.settle, log: events.log, registry, agents },
    intentions: createIntentionEvents(events),
    restore: registry.restore,
    relay(ask) {
      relay = createEventRelay({ ask, take: events.take, clock, log });
      relay.replicas(others);
    },
    replicas(now) {
      others = now;
      replicas(now);
      relay?.replicas(now);
    },
    silent: () => relay?.silent() ?? [],
  };
}
