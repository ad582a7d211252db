/** The labelled containers of one engine as instances in Consul: each comes, changes and goes with its container. */
import type { Consul } from "@legation/consul";
import { type Clock, ConfigError, createBackoff, type Logger, messageOf } from "@legation/runtime";
import type { AgentConfig } from "../config/definition.js";
import type { RecordFile } from "../health/record.js";
import type { HealthLevel } from "../health/verdict.js";
import { createConsulAgent } from "../registrar/consul-agent.js";
import { ownerKey } from "../registrar/ownership.js";
import type { Container } from "./container.js";
import type { Engine } from "./engine.js";
import { nameLabel } from "./labels.js";
import { containerKey, createRegistered, type Registered } from "./registered.js";
import { createWatcher } from "./watcher.js";

/** What it needs. */
export interface ContainersOptions {
  readonly engine: Engine;
  /** Throws a ConfigError when the labels are wrong. */
  readonly define: (container: Container) => AgentConfig;
  readonly consul: Consul;
  /** `<uuid>@<host>`, see ownership. */
  readonly owner: string;
  /** Where a container's health is kept for the next agent. */
  readonly recordOf: (containerId: string) => RecordFile;
  /** Its record is of no use any more. */
  readonly forget: (containerId: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One container, as the API tells of it. */
export interface ContainerView {
  readonly container: string;
  readonly containerId: string;
  readonly service?: string;
  readonly id?: string;
  /** `host:port` as registered. */
  readonly address?: string;
  readonly health: HealthLevel;
  /** Why it is not registered, or the cause of its health. */
  readonly reason: string;
  readonly registered: boolean;
}

/** See the file's sentence. */
export interface Containers {
  /** Why the engine cannot be heard now. */
  readonly problem: string | undefined;
  view(): readonly ContainerView[];
  begin(): void;
  /** Takes all out of traffic, and out of Consul; the containers go on. */
  stop(): Promise<void>;
  /** Leaves everything in Consul for the next agent. */
  letGo(): void;
}

interface Slot {
  /** Undefined when the container does not run. */
  wanted: Container | undefined;
  cause: string;
  name: string;
  instance: Registered | undefined;
  problem: string | undefined;
  /** One change after the other. */
  work: Promise<void>;
}

/** Creates it; nothing happens before `begin`. */
export function createContainers(options: ContainersOptions): Containers {
  const { engine, define, consul, owner, clock, log } = options;
  const consulAgent = createConsulAgent(consul);
  const slots = new Map<string, Slot>();
  const ending = new AbortController();
  let sweeping = 0;

  const settle = async (containerId: string, slot: Slot): Promise<void> => {
    const container = ending.signal.aborted ? undefined : slot.wanted;
    if (!container) {
      await end(slot, slot.cause);
      if (slot.wanted) return;
      slots.delete(containerId);
      options.forget(containerId);
      return;
    }
    const config = defined(container, slot);
    if (slot.instance && JSON.stringify(slot.instance.config) === JSON.stringify(config)) return;
    await end(slot, "its definition has changed");
    if (!config) return;
    const { name, id } = config.service;
    const instance = createRegistered({
      config,
      containerId,
      owner,
      consul: consulAgent,
      record: options.recordOf(containerId),
      clock,
      log: log.child({ service: name, id, container: container.name }),
    });
    slot.instance = instance;
    await instance.begin();
  };

  /** What was refused because this one had its id is looked at again. */
  const end = async (slot: Slot, cause: string): Promise<void> => {
    if (!slot.instance) return;
    await slot.instance.leave(cause);
    slot.instance = undefined;
    for (const [containerId, other] of slots) if (other !== slot && other.wanted && other.problem !== undefined) change(containerId, other);
  };

  /** The definition, or undefined with the slot's problem set and told once. */
  const defined = (container: Container, slot: Slot): AgentConfig | undefined => {
    let problems: readonly string[] = [];
    try {
      const config = define(container);
      const twin = [...slots.values()].find((other) => other !== slot && other.instance?.config.service.id === config.service.id);
      if (!twin) {
        slot.problem = undefined;
        return config;
      }
      const fix = "Give each an id of its own, or leave the label out.";
      problems = [`container ${container.name}: service.id: ${config.service.id} is the id of the container ${twin.name} too. ${fix}`];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems = error.problems;
    }
    const text = problems.join("\n");
    if (slot.problem !== text) log.error({ event: "container.refused", container: container.name, problems }, `not registered: ${text}`);
    slot.problem = text;
    return undefined;
  };

  const change = (containerId: string, slot: Slot): void => {
    slot.work = slot.work
      .then(() => settle(containerId, slot))
      .catch((error: unknown) => log.error({ event: "container.failed", container: slot.name, error }, messageOf(error)));
  };

  const up = (container: Container): void => {
    const slot: Slot = slots.get(container.id) ?? {
      wanted: undefined,
      cause: "",
      name: container.name,
      instance: undefined,
      problem: undefined,
      work: Promise.resolve(),
    };
    slots.set(container.id, slot);
    slot.wanted = container;
    slot.name = container.name;
    change(container.id, slot);
  };

  const down = (containerId: string, cause: string): void => {
    const slot = slots.get(containerId);
    if (!slot) return;
    slot.wanted = undefined;
    slot.cause = cause;
    change(containerId, slot);
    void slot.work.then(sweep);
  };

  /** What stands in Consul for containers that do not run goes away: left by an agent before this one, or while Consul was away. */
  const sweep = async (): Promise<void> => {
    sweeping += 1;
    const mine = sweeping;
    const backoff = createBackoff({ base: 250, max: 30_000 });
    while (mine === sweeping && !ending.signal.aborted) {
      try {
        for (const { ID, Meta } of Object.values(await consul.agent.services())) {
          const containerId = Meta?.[containerKey];
          if (containerId === undefined || Meta?.[ownerKey] !== owner || slots.has(containerId)) continue;
          await consulAgent.deregister(ID);
          log.info({ event: "container.swept", id: ID }, `deregistered ${ID}: its container does not run`);
        }
        return;
      } catch {
        await clock.sleep(backoff.next(), ending.signal).catch(() => undefined);
      }
    }
  };

  const watcher = createWatcher({
    engine,
    label: nameLabel,
    onUp: up,
    onDown: down,
    onList(running) {
      const ids = new Set(running.map(({ id }) => id));
      for (const id of [...slots.keys()]) if (!ids.has(id)) down(id, "it does not run any more");
      for (const container of running) up(container);
      void sweep();
    },
    backoff: createBackoff({ base: 250, max: 10_000 }),
    clock,
    log,
  });

  const viewOf = ([containerId, slot]: [string, Slot]): ContainerView => {
    const { instance, name, problem } = slot;
    const service = instance?.config.service;
    return {
      container: name,
      containerId: containerId.slice(0, 12),
      ...(service ? { service: service.name, id: service.id, address: `${service.host}:${service.port}` } : {}),
      health: instance?.health.level ?? "UNKNOWN",
      reason: problem ?? instance?.health.message ?? "not registered yet",
      registered: instance?.state.registered ?? false,
    };
  };

  return {
    get problem() {
      return watcher.problem;
    },
    view: () => [...slots].map(viewOf),
    begin: () => watcher.begin(),
    async stop() {
      watcher.stop();
      const leaving = [...slots];
      ending.abort();
      await Promise.all(leaving.map(([, { instance }]) => instance?.drain().catch(() => undefined)));
      const wait = Math.max(0, ...leaving.map(([, { instance }]) => instance?.config.values.drain.wait ?? 0));
      await clock.sleep(wait);
      for (const [id, slot] of leaving) {
        slot.cause = "the agent stops";
        change(id, slot);
      }
      await Promise.all(leaving.map(([, { work }]) => work));
    },
    letGo() {
      watcher.stop();
      ending.abort();
      for (const { instance } of slots.values()) instance?.letGo();
    },
  };
}
