/** The gates between an instance's start and its traffic, in the order in which it passes them, each with what to do where it is shut. Pure. */
import type { ServiceState } from "@legation/contract";
import type { GateView } from "@legation/contract/api";
import { isMaintenanceCheck } from "@legation/mesh";
import type { InstanceStatus } from "../status/instance-status.js";
import { type CallerFacts, callerGates } from "./caller-gates.js";
import { type RouteFacts, routeGate } from "./route-gate.js";

/** What is known besides how the instance stands. */
export interface GateFacts extends CallerFacts, RouteFacts {
  /** Why this control plane's registry is old; undefined while Consul answers. */
  readonly stale: string | undefined;
  /** Why a control plane refused what this instance's agent said, and when; undefined when none did lately. */
  readonly refused: { readonly detail: string; readonly at: string } | undefined;
}

/** What a gate finds: its name is that of its place in the list. */
export type Found = Omit<GateView, "gate">;

/** It lets through. */
export function open(what: string): Found {
  return { open: true, what, fix: null };
}

/** It lets nothing through. */
export function shut(what: string, fix: string): Found {
  return { open: false, what, fix };
}

/** It cannot be told, or lets some through. */
export function partly(what: string, fix: string | null = null): Found {
  return { open: null, what, fix };
}

/** Looks at every gate. */
export function gatesOf(status: InstanceStatus, facts: GateFacts): readonly GateView[] {
  return [
    { gate: "control-plane", ...controlPlane(facts) },
    { gate: "agent", ...agent(status, facts) },
    { gate: "process", ...process(status) },
    { gate: "envoy", ...envoy(status) },
    { gate: "registration", ...registration(status) },
    { gate: "identity", ...identity(status) },
    { gate: "address", ...address(status) },
    { gate: "maintenance", ...maintenance(status) },
    { gate: "checks", ...checks(status) },
    { gate: "weight", ...weight(status) },
    { gate: "mass-loss", ...massLoss(status) },
    { gate: "routes", ...routeGate(status, facts) },
    ...callerGates(status, facts),
  ];
}

function controlPlane({ stale }: GateFacts): Found {
  if (stale === undefined) return open("this control plane follows Consul");
  return partly(`${stale}: what it knows of the registry is old`, "Mend Consul, or the way to it; see legation status");
}

function agent({ agent, reason, instance, report }: InstanceStatus, { refused }: GateFacts): Found {
  if (agent === "reporting") return open(`its agent ${report?.report.agentVersion ?? ""} reports`.replace("  ", " "));
  if (refused)
    return shut(
      `a control plane refused what its agent said at ${refused.at}: ${refused.detail}`,
      "Give the agent a valid token (CONSUL_HTTP_TOKEN or its token file) with service:write on its service, and restart the agent",
    );
  if (agent === "silent") return shut(reason, "Look whether the agent runs on that machine, and what its log says: legation agent");
  return instance
    ? partly("no agent reports of it: it was registered by others, and what follows is what Consul knows")
    : shut("nobody reports of it and Consul does not have it", 'Start it under "legation agent"');
}

const processFixes: Readonly<Partial<Record<ServiceState, string>>> = {
  pending: "Wait, or see the agent's log for what it does first",
  waiting: "Start what it waits for, or declare it optional with ? behind its name",
  starting: "Wait until its checks pass; they and health.startTimeout decide how long that takes",
  stopping: "Start the agent again when it has ended",
  stopped: "Start the agent again",
  backing_off: "See lastError and the service's output for why it ends; it is started again by itself",
  failed: "Mend what the error names, then: legation restart --force",
};

function process({ state, reason, agent, report, health }: InstanceStatus): Found {
  if (agent !== "reporting") return partly("nobody tells what its process does");
  const fix = processFixes[state];
  if (fix === undefined) return open(`its process runs: ${state}`);
  const { lastError } = report?.report ?? {};
  if (state === "starting" && health && health.consecutiveFailures > 0)
    return shut(
      `its process has started and its checks fail: ${health.message}`,
      "Mend what the check names: a wrong port, a wrong path, a process that does not listen yet. health.startTimeout says how long it may take",
    );
  return shut(`${state}: ${reason}${lastError && !reason.includes(lastError) ? `; last error: ${lastError}` : ""}`, fix);
}

function envoy({ report, agent }: InstanceStatus): Found {
  const said = report?.report.standing?.envoy;
  if (agent !== "reporting") return partly("nobody tells what its Envoy does");
  if (!said) return open("it has no Envoy of its own, and is called directly");
  if (said.phase === "live") return open("its Envoy is live");
  return shut(
    `its Envoy is ${said.phase}: ${said.reason}`,
    "See the agent's log for its Envoy's output, and legation proxies for what it refused",
  );
}

function registration({ instance, endpoint, report, agent }: InstanceStatus): Found {
  const { registered, registrationProblem } = (agent === "reporting" && report?.report.standing) || {};
  const problem = registrationProblem === undefined ? "" : `: ${registrationProblem}`;
  if (instance) {
    if (registrationProblem === undefined) return open("Consul has it");
    // Without heartbeats it is critical: that its agent cannot send them is the cause.
    const serves = endpoint !== undefined && !endpoint.omitted && endpoint.health === "HEALTHY";
    return (serves ? partly : shut)(
      `Consul has it, and its agent cannot use Consul${problem}`,
      "Mend that before Consul gives the instance up: the agent's token, or the way to Consul",
    );
  }
  if (agent === "reporting" && registered === undefined && report?.report.standing)
    return shut("its agent registers nothing: discovery is switched off", "Set SERVICE_DISCOVERY_ENABLED=true");
  return shut(
    `Consul does not have it${problem}`,
    problem
      ? "Mend what Consul says: the agent's token (service:write), or the way to Consul"
      : "It registers when its process and its Envoy are there; see the gates before",
  );
}

function identity({ report, agent }: InstanceStatus): Found {
  const withheld = agent === "reporting" ? report?.report.standing?.withheld : undefined;
  if (withheld === undefined) return open("nothing of its identity holds it back");
  return shut(withheld, "Wait for the certificates and the callers named; see the agent's log");
}

function address({ endpoint, instance }: InstanceStatus): Found {
  if (!instance || !endpoint) return partly("there is no registration to look at");
  const critical = instance.checks.some(({ status }) => status === "critical");
  if (!endpoint.omitted || (critical && !instance.everPassed && endpoint.reason.includes("never yet passing")))
    return open("its address can be called");
  return shut(endpoint.reason, "Register it with an address and a port that callers can reach");
}

function maintenance({ instance, endpoint, state, report }: InstanceStatus): Found {
  const words = report?.report.standing?.maintenance;
  const check = instance?.checks.find((one) => isMaintenanceCheck(one, instance) && one.status === "critical");
  if (words !== undefined) return shut(`an operator holds it in maintenance: ${words}`, "legation maintenance off");
  if (instance?.leaving) return shut("its agent has announced that it leaves", "Wait until it is back, or: legation undrain");
  if (check)
    return shut(
      endpoint?.reason ?? "it is in maintenance",
      "legation undrain, or consul maint -disable -service=ID where somebody else did it",
    );
  if (state === "draining") return shut("it drains", "legation undrain");
  return open("it is not held out of service");
}

function checks({ instance, endpoint, state, health }: InstanceStatus): Found {
  if (!instance || !endpoint) return partly("there is no registration to look at");
  const critical = instance.checks.filter((one) => one.status === "critical" && !isMaintenanceCheck(one, instance));
  const warning = instance.checks.filter((one) => one.status === "warning");
  if (critical.length === 0) {
    if (state === "unhealthy")
      return shut(`its agent finds it unhealthy: ${health?.message ?? ""}`, "Mend what the check names; see legation check-now");
    if (warning.length > 0) return open(`warning, which takes traffic: ${named(warning)}`);
    return open(instance.checks.length > 0 ? "all pass" : "there are none, which counts as passing");
  }
  const never = instance.everPassed ? "" : "never yet passing since it was registered; ";
  if (!endpoint.omitted && endpoint.health === "HEALTHY")
    return partly(`${named(critical)}; tried all the same, since no instance of its service passes`);
  return shut(`${never}critical: ${named(critical)}`, "Mend what the check says, then: legation check-now");
}

function named(checks: readonly { readonly name: string; readonly output: string }[]): string {
  return checks.map(({ name, output }) => (output === "" ? name : `${name} (${output.trim().slice(0, 300)})`)).join("; ");
}

function weight({ endpoint, instance }: InstanceStatus): Found {
  if (!endpoint || endpoint.omitted) return partly("it has no endpoint yet");
  if (endpoint.reason.includes("with weight 0")) return shut(endpoint.reason, "Give it a weight above 0 in its registration");
  const share = instance?.share;
  if (share !== undefined && share < 1_000)
    return open(
      `it has weight ${endpoint.weight}, and keeps ${share / 10} % of it: it answers more slowly than the others, or with more errors`,
    );
  return open(`it has weight ${endpoint.weight}`);
}

function massLoss({ instance }: InstanceStatus): Found {
  if (!instance?.kept) return open("it is in the registry itself");
  return partly(
    "it vanished from the registry with most of its service, and is held as it was",
    "If that was meant: POST /api/services/NAME/release",
  );
}
