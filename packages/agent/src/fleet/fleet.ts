/** The services of one machine under one agent: started by layers, stopped in reverse, changed one by one. */
import type { Clock, Logger } from "@legation/runtime";
import type { Agent } from "../agent.js";
import { isServing } from "../instance.js";
import type { Seat } from "../seat.js";
import type { ServiceGraph } from "./graph.js";
import { createMember, type Member } from "./member.js";
import { namedPorts, type Plan, type PlannedService } from "./plan.js";
import type { Scopes } from "./scope.js";

/** What a fleet needs. */
export interface FleetOptions {
  readonly plan: Plan;
  /** Makes the agent of one service; `latest` is its definition as it was read last. */
  readonly open: (planned: PlannedService, seat: Omit<Seat, "api" | "serve" | "roots">, latest: () => PlannedService) => Promise<Agent>;
  /** Ports that services of this agent had before and may still hold. */
  readonly keptPorts: (planned: PlannedService) => readonly number[];
  /** All services together may take so long to leave, milliseconds; what is left then is hurried. */
  readonly stopLimit: number;
  /** Whose doing the running code is. */
  readonly scopes: Scopes;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Which services a new plan touched, by id. */
export interface Change {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/** See the file's sentence. */
export interface Fleet {
  readonly graph: ServiceGraph;
  member(id: string): Member | undefined;
  /** Why required dependencies among these services do not run, for a running service too. */
  missing(id: string): readonly string[];
  begin(): void;
  /** Goes over to another plan; services that are the same in both are not touched. Resolves when those that go have left. */
  follow(plan: Plan): Promise<Change>;
  /** Leaves with all, each after those that require it. Resolves to the highest exit code; a second call hurries. */
  stop(cause: string): Promise<number>;
  /** Ends the agent alone: services and Envoys go on for the next agent, which adopts them. Resolves to 0; while leaving, to what `stop` does. */
  letGo(cause: string): Promise<number>;
  /** Takes an error that nothing has handled; false when it is none of a service here, but of what all share. */
  crash(error: unknown): boolean;
}

/** Creates a fleet; nothing is started before `begin`. */
export function createFleet(options: FleetOptions): Fleet {
  const { clock, log, scopes } = options;
  const members = new Map<string, Member>();
  const reserved = new Set<number>();
  /** What each that is leaving, or waits for its turn, does when it is hurried. */
  const hurries = new Set<() => void>();
  let hurried = false;
  const told = new Map<string, string>();
  /** Those that are leaving: who is asked to leave twice is not hurried by that. */
  const ending = new Map<string, Promise<number>>();
  let graph = options.plan.graph;
  let following: Promise<unknown> = Promise.resolve();
  let stopped: Promise<number> | undefined;
  let reviewing = false;

  const awaited = ({ config }: PlannedService): ReadonlyMap<string, string> =>
    new Map(
      config.service.dependencies.flatMap(({ name, optional }): [string, string][] => {
        const nodes = graph.instances(name);
        if (optional || nodes.length === 0 || nodes.some(({ id }) => runs(members.get(id)))) return [];
        return [[name, nodes.map(({ id, file }) => `${id} (${file}) ${standing(members.get(id))}`).join("; ")]];
      }),
    );

  /** A dependency that fails while its dependents run is theirs to know too. */
  const review = (): void => {
    reviewing = false;
    for (const [id, { instance, planned }] of members) {
      if (!instance || instance.supervisor.state.phase === "waiting" || instance.supervisor.state.goal === "stop") continue;
      const missing = [...awaited(planned).values()];
      const text = missing.join("; ");
      if (text === (told.get(id) ?? "")) continue;
      told.set(id, text);
      instance.missing = missing;
      if (text === "") instance.log.info({ event: "service.dependency-regained" }, "its required dependencies run again");
      else instance.log.warn({ event: "service.dependency-lost", missing }, `a required dependency does not run: ${text}`);
    }
  };
  const changed = (): void => {
    if (!reviewing) queueMicrotask(review);
    reviewing = true;
  };

  const add = (planned: PlannedService): Member => {
    const latest = (): PlannedService => member.planned;
    const seat = {
      reserved,
      awaited: () => awaited(latest()),
      isLocal: (name: string) => graph.instances(name).length > 0,
      changed,
    };
    const { name, id } = planned.config.service;
    const member: Member = createMember({
      planned,
      open: (newest) => options.open(newest, seat, latest),
      within: (work) => scopes.within(id, work),
      clock,
      log: log.child({ service: name, id }),
      changed,
    });
    members.set(id, member);
    return member;
  };

  const reserve = (plan: Plan): void => {
    for (const port of portsOf(plan.services)) reserved.add(port);
  };
  const portsOf = (services: Plan["services"]): number[] => [...namedPorts({ services }), ...services.flatMap(options.keptPorts)];

  /** Those of `ids` leave, each after its dependents among them. */
  const leave = async (ids: ReadonlySet<string>, cause: string): Promise<number[]> => {
    const leaving = new Map<string, Promise<number>>();
    const goes = (id: string): Promise<number> => {
      const known = leaving.get(id);
      if (known) return known;
      const dependents = graph.dependents(id).filter((other) => ids.has(other));
      const gone = unlessHurried(Promise.all(dependents.map(goes))).then(() => endMember(id, cause));
      leaving.set(id, gone);
      return gone;
    };
    return await Promise.all([...ids].map(goes));
  };

  const unlessHurried = async (turn: Promise<unknown>): Promise<void> => {
    if (hurried) return;
    let go: () => void = () => {};
    const cut = new Promise<void>((resolve) => {
      go = resolve;
    });
    hurries.add(go);
    await Promise.race([turn, cut]);
    hurries.delete(go);
  };

  const endMember = (id: string, cause: string): Promise<number> => {
    const member = members.get(id);
    const left = ending.get(id) ?? (member ? endOnce(id, member, cause) : Promise.resolve(0));
    if (member) ending.set(id, left);
    return left;
  };

  const endOnce = async (id: string, member: Member, cause: string): Promise<number> => {
    const hurryIt = (): void => void member.stop("hurried").catch(() => undefined);
    try {
      const left = member.stop(cause);
      if (hurried) hurryIt();
      hurries.add(hurryIt);
      return await left;
    } catch (error) {
      log.error({ event: "fleet.stop-failed", id, error }, `${id} could not leave as it should: ${(error as Error).message}`);
      return 1;
    } finally {
      hurries.delete(hurryIt);
      ending.delete(id);
      members.delete(id);
      told.delete(id);
    }
  };

  const hurry = (): void => {
    hurried = true;
    for (const go of [...hurries]) go();
  };

  const change = async (plan: Plan): Promise<Change> => {
    const wanted = new Map(plan.services.map((planned) => [planned.config.service.id, planned]));
    const removed = [...members.keys()].filter((id) => !wanted.has(id));
    const differs = (id: string): boolean => fingerprint(members.get(id)?.planned) !== fingerprint(wanted.get(id));
    const moved = [...members.keys()].filter((id) => wanted.has(id) && differs(id));
    const added = [...wanted.keys()].filter((id) => !members.has(id));
    log.info({ event: "fleet.changing", added, removed, changed: moved }, describe({ added, removed, changed: moved }));
    reserve(plan);
    const restarted = moved.filter((id) => {
      const planned = wanted.get(id);
      return !planned || !members.get(id)?.take(planned);
    });
    const gone = removed.flatMap((id) => members.get(id)?.planned ?? []);
    await leave(new Set([...removed, ...restarted]), "its file has changed");
    graph = plan.graph;
    for (const port of portsOf(gone)) reserved.delete(port);
    reserve(plan);
    if (!stopped) for (const [id, planned] of wanted) if (!members.has(id)) add(planned).begin();
    changed();
    return { added, removed, changed: moved };
  };

  const stopAll = async (cause: string): Promise<number> => {
    const limit = clock.timeout(options.stopLimit, () => {
      log.warn({ event: "fleet.hurried" }, `not all services have left within ${options.stopLimit} ms: waiting no longer`);
      hurry();
    });
    const codes = await leave(new Set(members.keys()), cause);
    await following.catch(() => undefined);
    limit.cancel();
    return Math.max(0, ...codes);
  };

  reserve(options.plan);
  for (const planned of options.plan.services) add(planned);
  return {
    get graph() {
      return graph;
    },
    member: (id) => members.get(id),
    missing(id) {
      const member = members.get(id);
      return member ? [...awaited(member.planned).values()] : [];
    },
    begin() {
      for (const member of members.values()) member.begin();
    },
    follow(plan) {
      const next = following.then(() => change(plan));
      following = next.catch(() => undefined);
      return next;
    },
    stop(cause) {
      if (stopped) hurry();
      stopped ??= stopAll(cause);
      return stopped;
    },
    letGo(cause) {
      stopped ??= Promise.all([...members.values()].map((member) => member.letGo(cause))).then(() => 0);
      return stopped;
    },
    crash(error) {
      const member = members.get(scopes.current ?? "");
      member?.crash(error);
      return member !== undefined;
    },
  };
}

function runs(member: Member | undefined): boolean {
  return member?.instance !== undefined && isServing(member.instance);
}

function standing(member: Member | undefined): string {
  if (!member?.instance) return `has not begun${member?.problem ? `: ${member.problem}` : ""}`;
  const { phase, reason } = member.instance.supervisor.state;
  return phase === "running" ? "does not serve yet" : `is ${phase}: ${reason}`;
}

/** Equal for files that say the same, however they are written. */
function fingerprint(planned: PlannedService | undefined): string {
  return JSON.stringify(planned?.config);
}

function describe({ added, removed, changed }: Change): string {
  const part = (ids: readonly string[], word: string): string[] => (ids.length > 0 ? [`${word} ${ids.join(", ")}`] : []);
  return [...part(added, "adding"), ...part(removed, "removing"), ...part(changed, "changing")].join("; ") || "nothing has changed";
}
