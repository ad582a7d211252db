/** The agent's figures, for Prometheus. Labels are the service, its states and its checks: as few as the configuration names. */

import { breakerStates, type ReportedBreaker, serviceStates } from "@legation/contract";
import { Counter, Gauge, Histogram, type Registry } from "@legation/runtime";
import type { CheckResult } from "./health/monitor.js";
import type { AgentStatus } from "./status.js";

/** The figures of one instance. */
export interface Telemetry {
  checked(result: CheckResult): void;
  transition(to: string): void;
}

const healthValue = { HEALTHY: 1, DEGRADED: 0.5, UNHEALTHY: 0, UNKNOWN: -1 } as const;

const outcomes = { pass: "passed", warn: "warned", fail: "failed" } as const;

type Reading = readonly [help: string, of: (status: AgentStatus) => number | undefined];

const seconds = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time) / 1_000);

/** Absent while they are undefined. */
const gauges: Readonly<Record<string, Reading>> = {
  legation_service_health: [
    "1 healthy, 0.5 degraded, 0 unhealthy, -1 unknown, of this instance as its agent sees it.",
    (s) => healthValue[s.health.level],
  ],
  legation_agent_registered: ["1 while the instance is registered in Consul.", (s) => Number(s.consul.registered)],
  legation_agent_serving: ["1 while the instance is registered, passing and not drained.", (s) => Number(s.serving)],
  legation_agent_consul_connected: ["1 while Consul takes what this agent tells it.", (s) => Number(s.consul.problem === undefined)],
  legation_agent_control_plane_connected: [
    "1 while a control plane can send this agent commands.",
    (s) => Number(s.controlPlane.listening),
  ],
  legation_agent_last_heartbeat_timestamp_seconds: [
    "When Consul took the last heartbeat, Unix time.",
    (s) => seconds(s.consul.lastHeartbeat),
  ],
  legation_agent_envoy_up: [
    "1 while this instance's Envoy is live; absent without one.",
    (s) => s.envoy && Number(s.envoy.phase === "live"),
  ],
  legation_agent_certificate_expiry_timestamp_seconds: [
    "When the service's certificate ends, Unix time; absent while there is none.",
    (s) => seconds(s.identity.notAfter),
  ],
};

const counters: Readonly<Record<string, readonly [help: string, of: (status: AgentStatus) => number]>> = {
  legation_agent_restarts_total: ["Restarts of the service so far.", (s) => s.restartCount],
  legation_agent_envoy_restarts_total: ["Restarts of Envoy by this agent.", (s) => s.envoy?.restarts ?? 0],
  legation_agent_certificate_renewals_total: [
    "Certificates that have taken the place of an earlier one, since this agent began.",
    (s) => s.identity.renewals,
  ],
  legation_agent_certificate_failures_total: ["Questions to Consul's CA that failed, since this agent began.", (s) => s.identity.failures],
};

/**
 * Declares the figures in a registry, those of this process among them. What `status` tells is read when the figures are asked for: sampling
 * would cost more than the agent. `heartbeat` is how often Consul is to hear from the agent; milliseconds.
 */
export function createTelemetry(
  registry: Registry,
  { name: service, heartbeat }: { readonly name: string; readonly heartbeat: number },
  status: () => AgentStatus,
): Telemetry {
  const registers = [registry];
  const labelled = { labelNames: ["service"] as const, registers };
  addProcess(registry);
  const state = new Gauge({
    name: "legation_agent_state",
    help: "1 for the state that the service is in.",
    labelNames: ["service", "state"],
    registers,
    // Declared, and so collected, before the others that it sets.
    collect: () => observe(status()),
  });
  const info = new Gauge({
    name: "legation_agent_info",
    help: "1, with the version of the agent.",
    labelNames: ["service", "version"],
    registers,
  });
  const breakers = new Gauge({
    name: "legation_agent_breakers",
    help: "Circuit breakers of this instance towards those that it calls that are not closed, by their state.",
    labelNames: ["service", "state"],
    registers,
  });
  const read = Object.entries(gauges).map(([name, [help, of]]) => ({ gauge: new Gauge({ name, help, ...labelled }), of }));
  const counted = Object.entries(counters).map(([name, [help, of]]) => ({ counter: new Counter({ name, help, ...labelled }), of }));
  const interval = new Gauge({
    name: "legation_agent_heartbeat_interval_seconds",
    help: "How often Consul is to hear from the agent; after three missed ones the instance is out.",
    ...labelled,
  });
  interval.set({ service }, heartbeat / 1_000);
  const response = new Gauge({
    name: "legation_service_response_time_ms",
    help: "How long the last health check took, in milliseconds; legation_service_response_time_seconds is the same in Prometheus' base unit.",
    ...labelled,
  });
  const responseSeconds = new Gauge({
    name: "legation_service_response_time_seconds",
    help: "How long the last health check took.",
    ...labelled,
  });
  const durations = new Histogram({
    name: "legation_agent_check_duration_seconds",
    help: "How long health checks take.",
    labelNames: ["service", "check"],
    buckets: [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
    registers,
  });
  const checks = new Counter({
    name: "legation_agent_checks_total",
    help: "Health checks by outcome.",
    labelNames: ["service", "check", "outcome"],
    registers,
  });
  const changes = new Counter({
    name: "legation_agent_transitions_total",
    help: "Changes of state, by the new one.",
    labelNames: ["service", "to"],
    registers,
  });
  const observe = (now: AgentStatus): void => {
    info.set({ service, version: now.agentVersion }, 1);
    for (const name of serviceStates) state.set({ service, state: name }, name === now.state ? 1 : 0);
    for (const name of breakerStates) breakers.set({ service, state: name }, count(now.breakers, name));
    for (const { gauge, of } of read) {
      const value = of(now);
      if (value === undefined) gauge.remove({ service });
      else gauge.set({ service }, value);
    }
    for (const { counter, of } of counted) {
      counter.reset();
      counter.inc({ service }, of(now));
    }
  };
  return {
    checked(result) {
      const took = result.responseTimeMs / 1_000;
      response.set({ service }, result.responseTimeMs);
      responseSeconds.set({ service }, took);
      durations.observe({ service, check: result.check }, took);
      checks.inc({ service, check: result.check, outcome: outcomes[result.outcome] });
    },
    transition(to) {
      changes.inc({ service, to });
    },
  };
}

function count(breakers: readonly ReportedBreaker[], state: ReportedBreaker["state"]): number {
  return breakers.filter((breaker) => breaker.state === state).length;
}

function addProcess(registry: Registry): void {
  const registers = [registry];
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the agent.",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    name: "process_cpu_seconds_total",
    help: "CPU time of the agent.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
}
