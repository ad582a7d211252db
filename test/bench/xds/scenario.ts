/** What can be measured in a cell: each scenario says what it does with a trial, and which figures it gives. */
import type { Trial } from "./trial.js";

/** A figure of a scenario. */
export interface Figure {
  readonly key: string;
  readonly title: string;
  readonly digits: number;
  /** Whether the ratio to the other servers is worth printing; less is better in all of these. */
  readonly compared: boolean;
}

/** Figures by key. */
export type Result = Readonly<Record<string, number>>;

/** How much is done in one trial. */
export interface Effort {
  readonly changes: number;
  readonly seconds: number;
  readonly rates: readonly number[];
  readonly stalled: number;
}

/** One thing to measure. */
export interface Scenario {
  figures(effort: Effort): readonly Figure[];
  run(trial: Trial, effort: Effort): Promise<Result>;
}

const figure = (key: string, title: string, digits = 1, compared = true): Figure => ({ key, title, digits, compared });
const storm = [figure("storm", "storm ms", 0), figure("stormCpu", "storm CPU", 0)];
const memory = [figure("memory", "MB", 0, false), figure("perStream", "KB/stream", 0)];

/** Changes that are made before the measured ones, because a control plane runs for weeks and not only while its code is being compiled. */
const warmUp = 5;

/** All of them, by the names that `--scenario` takes. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  push: {
    figures: () => [
      ...storm,
      figure("p50", "p50 ms"),
      figure("p99", "p99 ms"),
      figure("last", "last ms"),
      figure("cpu", "CPU/change"),
      figure("clientCpu", "client CPU", 1, false),
      ...memory,
      figure("arrived", "arrivals", 0, false),
    ],
    async run(trial, { changes }) {
      await trial.changes(warmUp);
      const { p50, p99, last, cpu, clientCpu, arrived } = await trial.changes(changes);
      const each = { cpu: cpu / changes, clientCpu: clientCpu / changes, arrived };
      return { storm: trial.storm, stormCpu: trial.stormCpu, p50, p99, last, ...each, ...trial.memory() };
    },
  },
  sustained: {
    figures: ({ rates }) =>
      rates.flatMap((rate) => [
        figure(`p50at${rate}`, `${rate}/s: p50 ms`, 0),
        figure(`p99at${rate}`, `p99 ms`, 0),
        figure(`lastAt${rate}`, `last ms`, 0, false),
        figure(`cpuAt${rate}`, `CPU %`, 0),
        figure(`clientAt${rate}`, `client %`, 0, false),
        figure(`coalescedAt${rate}`, `changes/push`, 1, false),
      ]),
    async run(trial, { rates, seconds }) {
      await trial.changes(warmUp);
      const result: Record<string, number> = {};
      for (const rate of rates) {
        const begin = performance.now();
        const done = await trial.sustained(rate, seconds);
        const elapsed = performance.now() - begin;
        result[`p50at${rate}`] = done.all50;
        result[`p99at${rate}`] = done.all99;
        result[`lastAt${rate}`] = done.allLast;
        result[`cpuAt${rate}`] = (done.cpu / elapsed) * 100;
        result[`clientAt${rate}`] = (done.clientCpu / elapsed) * 100;
        result[`coalescedAt${rate}`] = done.expected / done.responses;
      }
      return result;
    },
  },
  stalled: {
    figures: () => [
      figure("p99", "p99 ms"),
      figure("cpu", "CPU/change"),
      figure("stalledP99", "p99 with stalled"),
      figure("stalledCpu", "CPU/change"),
      figure("ratio", "p99 ratio", 2, false),
    ],
    async run(trial, { changes, stalled }) {
      await trial.changes(warmUp);
      const before = await trial.changes(changes);
      await trial.stall(stalled);
      const after = await trial.changes(changes);
      const cpu = { cpu: before.cpu / changes, stalledCpu: after.cpu / changes };
      return { p99: before.p99, stalledP99: after.p99, ...cpu, ratio: after.p99 / before.p99 };
    },
  },
  idle: {
    figures: () => [...storm, figure("cpu", "idle CPU ms/s"), figure("clientCpu", "client ms/s", 1, false), ...memory],
    async run(trial, { seconds }) {
      const { cpu, clientCpu } = await trial.idle(seconds);
      return { storm: trial.storm, stormCpu: trial.stormCpu, cpu: cpu / seconds, clientCpu: clientCpu / seconds, ...trial.memory() };
    },
  },
};
