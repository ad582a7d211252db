/** The figures of many agents on one machine. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ConsulProcess } from "@legation/local";
import { type ProcessCost, processCost } from "./process-cost.js";

/** Processes of one kind. */
export interface Group {
  readonly name: string;
  readonly pids: readonly number[];
}

/** What one process of a group costs; bytes, and the share of one core. */
export interface GroupCost {
  readonly name: string;
  readonly processes: number;
  readonly rss: { readonly mean: number; readonly max: number };
  readonly pss: { readonly mean: number };
  readonly core: { readonly mean: number; readonly max: number; readonly sum: number };
}

/** Measures for `seconds`. Processes that end meanwhile are left out. */
export async function measure(groups: readonly Group[], seconds: number): Promise<GroupCost[]> {
  const before = new Map(groups.flatMap(({ pids }) => pids).map((pid) => [pid, processCost(pid)]));
  const began = performance.now();
  await sleep(seconds * 1000);
  const elapsed = (performance.now() - began) / 1000;
  return groups.map(({ name, pids }) => {
    const costs = pids.flatMap((pid) => {
      const [first, last] = [before.get(pid), processCost(pid)];
      return first && last ? [{ ...last, core: (last.cpu - first.cpu) / elapsed }] : [];
    });
    const of = (figure: (cost: ProcessCost & { core: number }) => number) => {
      const all = costs.map(figure);
      const sum = all.reduce((total, value) => total + value, 0);
      return { sum, mean: sum / Math.max(1, all.length), max: Math.max(0, ...all) };
    };
    return { name, processes: costs.length, rss: of((c) => c.rss), pss: of((c) => c.pss), core: of((c) => c.core) };
  });
}

interface Metrics {
  readonly Samples: readonly { readonly Name: string; readonly Count: number }[];
}

/** Consul aggregates its metrics over so many seconds. */
const interval = 10;

/** HTTP requests a second that Consul answers, over its last whole interval of metrics. */
export async function consulRequests(consul: ConsulProcess): Promise<number> {
  const { Samples } = await consul.get<Metrics>("/v1/agent/metrics");
  const named = (pattern: RegExp) => Samples.filter(({ Name }) => pattern.test(Name));
  const one = named(/\.api\.http$/);
  // Before 1.9 there was a name for each path instead.
  return (one.length > 0 ? one : named(/\.http\.[A-Z]+\./)).reduce((sum, { Count }) => sum + Count, 0) / interval;
}
