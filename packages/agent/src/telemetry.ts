/** The agent's figures, for Prometheus. */

import { serviceStates } from "@legation/contract";
import { Counter, Gauge, type Registry } from "@legation/runtime";
import type { CheckResult } from "./health/monitor.js";
import type { AgentStatus } from "./status.js";

/** The figures of one instance. */
export interface Telemetry {
  checked(result: CheckResult): void;
  transition(to: string): void;
}

const healthValue = { HEALTHY: 1, DEGRADED: 0.5, UNHEALTHY: 0, UNKNOWN: -1 } as const;

const outcomes = { pass: "passed", warn: "warned", fail: "failed" } as const;

/**
 * Declares the figures in a registry, those of this process among them. What `status` tells is read when the figures are asked for: sampling
 * would cost more than the agent.
 */
export function createTelemetry(registry: Registry, service: string, status: () => AgentStatus): Telemetry {
  const registers = [registry];
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory of the agent",
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: "process_cpu_seconds_total",
    help: "CPU time of the agent",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.set((user + system) / 1e6);
    },
  });
  const state = new Gauge({
    name: "legation_agent_state",
    help: "1 for the state that the service is in",
    labelNames: ["service", "state"],
    registers,
    // Declared, and so collected, before the others that it sets.
    collect: () => observe(status()),
  });
  const health = new Gauge({
    name: "legation_service_health",
    help: "1 healthy, 0.5 degraded, 0 unhealthy, -1 unknown",
    labelNames: ["service"],
    registers,
  });
  const response = new Gauge({
    name: "legation_service_response_time_ms",
    help: "How long the last health check took",
    labelNames: ["service"],
    registers,
  });
  const checks = new Counter({
    name: "legation_agent_checks_total",
    help: "Health checks by outcome",
    labelNames: ["service", "check", "outcome"],
    registers,
  });
  const changes = new Counter({
    name: "legation_agent_transitions_total",
    help: "Changes of state, by the new one",
    labelNames: ["service", "to"],
    registers,
  });
  const restarts = new Gauge({
    name: "legation_agent_restarts",
    help: "Restarts of the service so far",
    labelNames: ["service"],
    registers,
  });
  const envoyRestarts = new Gauge({
    name: "legation_agent_envoy_restarts",
    help: "Restarts of Envoy by this agent",
    labelNames: ["service"],
    registers,
  });
  const registered = new Gauge({
    name: "legation_agent_registered",
    help: "1 while the instance is registered in Consul",
    labelNames: ["service"],
    registers,
  });
  const heartbeat = new Gauge({
    name: "legation_agent_last_heartbeat_seconds",
    help: "When Consul took the last heartbeat, Unix time",
    labelNames: ["service"],
    registers,
  });
  const certificateEnd = new Gauge({
    name: "legation_agent_certificate_expiry_timestamp_seconds",
    help: "When the service's certificate ends, Unix time; absent while there is none",
    labelNames: ["service"],
    registers,
  });
  const certificateRenewals = new Gauge({
    name: "legation_agent_certificate_renewals",
    help: "Certificates that have taken the place of an earlier one, since this agent began",
    labelNames: ["service"],
    registers,
  });
  const certificateFailures = new Gauge({
    name: "legation_agent_certificate_failures",
    help: "Questions to Consul's CA that failed, since this agent began",
    labelNames: ["service"],
    registers,
  });
  const observe = (status: AgentStatus): void => {
    const { notAfter, renewals, failures } = status.identity;
    if (notAfter) certificateEnd.set({ service }, Date.parse(notAfter) / 1_000);
    certificateRenewals.set({ service }, renewals);
    certificateFailures.set({ service }, failures);
    for (const name of serviceStates) state.set({ service, state: name }, name === status.state ? 1 : 0);
    health.set({ service }, healthValue[status.health.level]);
    restarts.set({ service }, status.restartCount);
    envoyRestarts.set({ service }, status.envoy?.restarts ?? 0);
    registered.set({ service }, status.consul.registered ? 1 : 0);
    if (status.consul.lastHeartbeat) heartbeat.set({ service }, Date.parse(status.consul.lastHeartbeat) / 1_000);
  };
  return {
    checked(result) {
      response.set({ service }, result.responseTimeMs);
      checks.inc({ service, check: result.check, outcome: outcomes[result.outcome] });
    },
    transition(to) {
      changes.inc({ service, to });
    },
  };
}
