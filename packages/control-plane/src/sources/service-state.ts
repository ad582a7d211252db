/** What is known of one service: its last reading, and the checks that have changed since. */
import type { Check, Instance } from "@legation/mesh";
import type { CheckRow, Registered } from "./consul-rows.js";
import { indexCheck } from "./row-index.js";

/** One service. A value: every function here returns a new one. */
export interface ServiceState {
  readonly name: string;
  /** Consul's index of the reading; every change of the service, its checks and its nodes raises it. 0: to be read anew, whatever its index. */
  readonly index: number;
  readonly instances: readonly Registered[];
  /** Check rows newer than the reading, by check. */
  readonly newer: ReadonlyMap<string, CheckRow>;
  /** Keys of the instances that have been seen without a critical check. */
  readonly passed: ReadonlySet<string>;
}

/** The identity of an instance within its service. */
export function instanceOf(node: string, id: string): string {
  return `${node}/${id}`;
}

/** A service of which nothing is known but instances of an earlier life. */
export function restoredService(name: string, instances: readonly Instance[]): ServiceState {
  const passed = new Set(instances.filter((i) => i.everPassed).map((i) => instanceOf(i.node, i.id)));
  return {
    name,
    index: 0,
    instances: instances.map(({ everPassed, leaving, kept, ...registered }) => registered),
    newer: new Map(),
    passed,
  };
}

/** Takes a reading that is newer than the state's. Checks that the reading already contains are forgotten. */
export function withReading(state: ServiceState | undefined, name: string, index: number, instances: readonly Registered[]): ServiceState {
  const newer = new Map([...(state?.newer ?? [])].filter(([, row]) => row.modifyIndex > index));
  return remember({ name, index, instances, newer, passed: state?.passed ?? new Set() });
}

/** Takes check rows; those that the reading is newer than change nothing. Returns the same state when none of them is news. */
export function withChecks(state: ServiceState, rows: readonly CheckRow[]): ServiceState {
  const news = rows.filter((row) => row.modifyIndex > state.index && state.newer.get(checkKey(row))?.modifyIndex !== row.modifyIndex);
  if (news.length === 0) return state;
  return remember({ ...state, newer: new Map([...state.newer, ...news.map((row) => [checkKey(row), row] as const)]) });
}

/** The same knowledge, under no index: Consul counts anew, and any reading is newer. */
export function withoutIndex(state: ServiceState): ServiceState {
  return { ...state, index: 0, instances: checked(state), newer: new Map() };
}

/** The instances with their newest checks. */
export function instancesOf(state: ServiceState): Instance[] {
  return checked(state).map((instance) => ({ ...instance, everPassed: state.passed.has(instanceOf(instance.node, instance.id)) }));
}

function checked(state: ServiceState): readonly Registered[] {
  if (state.newer.size === 0) return state.instances;
  const rows = new Map<string, CheckRow[]>();
  for (const row of state.newer.values()) {
    const key = instanceOf(row.node, row.serviceId);
    const own = rows.get(key);
    if (own) own.push(row);
    else rows.set(key, [row]);
  }
  return state.instances.map((instance) => {
    const own = [...(rows.get(instanceOf(instance.node, "")) ?? []), ...(rows.get(instanceOf(instance.node, instance.id)) ?? [])];
    if (own.length === 0) return instance;
    const checks = new Map<string, Check>(instance.checks.map((check) => [check.id, check]));
    for (const { id, name, status, output, createIndex: created, modifyIndex: modified } of own)
      checks.set(id, indexCheck({ id, name, status, output }, { created, modified }));
    return { ...instance, checks: [...checks.values()] };
  });
}

function remember(state: ServiceState): ServiceState {
  const passed = checked(state)
    .filter((instance) => {
      const key = instanceOf(instance.node, instance.id);
      return state.passed.has(key) || instance.checks.every((check) => check.status !== "critical");
    })
    .map((instance) => instanceOf(instance.node, instance.id));
  return { ...state, passed: new Set(passed) };
}

function checkKey(row: CheckRow): string {
  return `${row.node}/${row.serviceId}/${row.id}`;
}
