/** Instances, as their agents, Consul and the proxies have them; and why one gets no traffic. */
import { z } from "zod";
import { healthLevels, serviceStates, uptimeWindows } from "../channel.js";
import { healthHistoryEntry } from "./orchestration.js";
import { count, time } from "./scalar.js";
import { checkView } from "./service.js";
import type { View } from "./view.js";

const silent = z.array(z.string()).describe("The control planes that did not answer, each with the reason.");

const fields = {
  node: z.string().describe("The Consul node."),
  id: z.string().describe("Its service ID, unique on that node."),
  service: z.string(),
  status: z.enum(serviceStates).describe("What its agent says; `unknown` without an agent, and with one that has fallen silent."),
  reason: z.string().describe("Why it has this status."),
  since: time.nullable().describe("Since when, RFC 3339; null where nobody says."),
  health: z.enum(healthLevels),
  message: z.string().describe("The cause of its health."),
  traffic: z
    .enum(["HEALTHY", "DEGRADED", "UNHEALTHY", "DRAINING", "OMITTED", "UNREGISTERED"])
    .describe("What it is in the proxies; OMITTED and UNREGISTERED are in none."),
  trafficReason: z.string(),
  weight: count.describe("Its share of load beside the other instances; 0 where it is in no proxy."),
  version: z.string().nullable(),
  zone: z.string().nullable(),
  address: z.string().nullable().describe("`host:port` of the application; null where it is not registered."),
  agent: z.enum(["reporting", "silent", "none"]).describe("Whether an agent tells of it."),
  restartCount: count,
  lastRestart: time.nullable(),
  lastError: z.string().nullable(),
  uptime: z.partialRecord(z.enum(uptimeWindows), z.number()).describe("Percent of the time in which an agent watched."),
};

/** One instance in the list. */
export const instanceStatusView = z.object(fields).meta({ id: "InstanceStatus", description: "How an instance stands." });
/** See `instanceStatusView`. */
export type InstanceStatusView = View<typeof instanceStatusView>;

/** The answer of `GET /api/instances`. */
export const instanceList = z
  .object({
    total: count.describe("Instances in this answer."),
    silent,
    instances: z.array(instanceStatusView).describe("By service, node and ID."),
  })
  .meta({ id: "InstanceList", description: "The instances that the caller may read." });
/** See `instanceList`. */
export type InstanceList = View<typeof instanceList>;

/** The answer of `GET /api/instances/{node}/{id}`. */
export const instanceDetail = z
  .object({
    ...fields,
    tags: z.array(z.string()),
    meta: z.record(z.string(), z.string()).describe("Consul's `Meta`."),
    checks: z.array(checkView).describe("In Consul."),
    agentVersion: z.string().nullable(),
    admin: z.string().nullable().describe("The agent's own local API, for people on that machine."),
    reportedAt: time.nullable().describe("When its agent reported last, RFC 3339."),
    healthHistory: z.array(healthHistoryEntry).describe("Its last 100 looks, oldest first, as its agent remembers them."),
    silent,
  })
  .meta({ id: "InstanceDetail", description: "One instance, with its checks and what its agent remembers." });
/** See `instanceDetail`. */
export type InstanceDetail = View<typeof instanceDetail>;

/** The gates between an instance's start and its traffic, in their order. */
export const gateNames = [
  "control-plane",
  "agent",
  "process",
  "envoy",
  "registration",
  "identity",
  "address",
  "maintenance",
  "checks",
  "weight",
  "mass-loss",
  "routes",
  "intentions",
  "callers",
  "quarantine",
  "acknowledged",
  "breaker",
] as const;

/** One gate. */
export const gateView = z
  .object({
    gate: z.enum(gateNames),
    open: z.boolean().nullable().describe("False: nothing gets through. Null: not known, or only some do."),
    what: z.string().describe("What was found."),
    fix: z.string().nullable().describe("What to do, where it is not open."),
  })
  .meta({ id: "Gate", description: "One gate between an instance's start and its traffic." });
/** See `gateView`. */
export type GateView = View<typeof gateView>;

/** The answer of `GET /api/why-not/{instance}`. */
export const whyNotAnswer = z
  .object({
    instance: z.string().describe("`<Consul node>/<service id>`."),
    service: z.string(),
    getsTraffic: z.boolean().describe("No gate is shut."),
    shut: z.enum(gateNames).nullable().describe("The first gate that is shut; null for none."),
    text: z.string().describe("The answer in a sentence."),
    gates: z.array(gateView).describe("In the order in which an instance passes them."),
    silent,
  })
  .meta({ id: "WhyNot", description: "Why an instance gets no traffic, or all that could keep it from it." });
/** See `whyNotAnswer`. */
export type WhyNotAnswer = View<typeof whyNotAnswer>;
