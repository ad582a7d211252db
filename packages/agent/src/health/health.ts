/** The health of one service: all its checks together, and what they found lately. */
import type { Clock } from "@legation/runtime";
import type { AgentConfig } from "../config/definition.js";
import type { AgentValues } from "../config/options.js";
import { type CheckResult, createMonitor, type MonitorState } from "./monitor.js";
import { createHttpProbe, createTcpProbe, type Probe } from "./probe.js";
import { type HealthLevel, worst } from "./verdict.js";

/** See the file's sentence. */
export interface Health {
  /** The worst level of all checks. */
  readonly level: HealthLevel;
  /** The cause of the level: the message of the worst check. */
  readonly message: string;
  readonly checks: Readonly<Record<string, MonitorState>>;
  /** The last 100 looks of all checks, oldest first. */
  readonly history: readonly CheckResult[];
  /** Starts to look, from a level that is assumed. */
  begin(assume: "UNKNOWN" | "HEALTHY"): void;
  /** Stops to look: there is nothing to look at. */
  pause(): void;
  /** Looks now with every check. */
  checkNow(): Promise<readonly CheckResult[]>;
  close(): void;
}

const historyLength = 100;

/** The probes that a configuration asks for; a TCP check when it names none. */
export function probesOf(config: Pick<AgentConfig, "app" | "values">): Probe[] {
  const { host, port } = config.app;
  const { health } = config.values;
  const path = health.http.path;
  const tcp = health.tcp ?? path === undefined;
  return [...(path === undefined ? [] : [createHttpProbe(host, port, path)]), ...(tcp ? [createTcpProbe(host, port)] : [])];
}

/** Creates the checks. `onResult` is called after each look. */
export function createHealth(
  probes: readonly Probe[],
  health: AgentValues["health"],
  clock: Clock,
  onResult: (result: CheckResult) => void,
): Health {
  const history: CheckResult[] = [];
  const monitors = probes.map((probe) =>
    createMonitor({
      probe,
      thresholds: { failure: health.failureThreshold, recovery: health.recoveryThreshold },
      rhythm: { interval: health.interval, startInterval: health.startInterval, timeout: health.timeout },
      clock,
      onResult: (result) => {
        history.push(result);
        if (history.length > historyLength) history.shift();
        onResult(result);
      },
    }),
  );
  const level = (): HealthLevel => worst(monitors.map((monitor) => monitor.state.level));
  return {
    get level() {
      return level();
    },
    get message() {
      const state = monitors.find((monitor) => monitor.state.level === level())?.state;
      return state?.last && !state.last.ok ? state.last.message : (state?.message ?? "there is no check");
    },
    get checks() {
      return Object.fromEntries(monitors.map((monitor) => [monitor.kind, monitor.state]));
    },
    history,
    begin(assume) {
      for (const monitor of monitors) monitor.begin(assume);
    },
    pause() {
      for (const monitor of monitors) monitor.pause();
    },
    checkNow: () => Promise.all(monitors.map((monitor) => monitor.checkNow())),
    close() {
      for (const monitor of monitors) monitor.close();
    },
  };
}
