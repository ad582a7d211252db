/** One place where requests go: its cluster, its instances, and what each of them would say. */

import { fromBinary } from "@bufbuild/protobuf";
import { zoneAssignmentName } from "@legation/contract";
import type { ExplainedOutcome, ExplainedWay } from "@legation/contract/api";
import { typeUrl } from "@legation/envoy-api";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import type { RouteRule } from "../policy/route/rule.js";
import type { TrafficSettings } from "../policy/traffic/settings.js";
import { trafficTo } from "../policy/traffic/traffic-policies.js";
import type { RoutedRequest } from "../routing/request.js";
import { type Balance, balance } from "./balance.js";
import { explainEndpoints, type PlacedAnswer } from "./endpoints.js";
import { hostsOf, type KnownCluster, type KnownHost, knownCluster, localityKey } from "./hosts.js";
import { identitySettings } from "./identity-decider.js";
import { localReply } from "./reply.js";
import { settingsOf } from "./settings.js";
import { shareInVain, triesAgain, triesOf } from "./tries.js";
import type { ExplainedWorld } from "./world.js";

/** Where some requests go. */
export interface WayQuestion {
  readonly service: string;
  readonly subset: string | undefined;
  /** Of the requests, from 0 to 1. */
  readonly share: number;
  readonly rule: RouteRule | undefined;
  /** As instances see it; undefined for a connection of bytes. */
  readonly request: RoutedRequest | undefined;
}

/** The place, and what comes of it; the outcomes' shares are parts of `share`. */
export interface WayAnswer {
  readonly way: ExplainedWay;
  readonly outcomes: readonly ExplainedOutcome[];
}

/** Explains it. */
export function explainWay(world: ExplainedWorld, question: WayQuestion): WayAnswer {
  const { service: name, subset, share, rule, request } = question;
  const cluster = clusterOf(world, name);
  const service = world.service(name) ?? { name, instances: [] };
  const settings = [...settingsOf(world.traffic, service, rule, request === undefined), ...identitySettings(world, name)];
  const base = { share, service: name, ...(subset === undefined ? {} : { subset }), settings };
  if (!cluster) {
    const way = { ...base, text: `the caller's proxy has no cluster ${name}`, endpoints: [], nobody: 1 };
    return { way, outcomes: [refusal(question, "NC", "", `the caller's proxy has no cluster ${name}`)] };
  }
  const eligible =
    subset !== undefined && cluster.subsetted ? cluster.hosts.filter(({ subsets }) => subsets.includes(subset)) : cluster.hosts;
  const seen = eligible.map((host) => (isEjected(world, name, host) ? { ...host, health: "unhealthy" as const } : host));
  const shared = balance(seen, {
    ...cluster,
    zones: cluster.zoneAware && world.caller.zone !== "" ? zonesOf(world) : undefined,
  });
  const placement = {
    ...{ service: name, subset, hosts: cluster.hosts, eligible: seen, balance: shared, request },
    settings: trafficTo(service, world.traffic).settings,
  };
  const answers = explainEndpoints(world, placement);
  const way = {
    ...base,
    text: chosenWords(cluster, shared, seen),
    endpoints: answers.map(({ endpoint }) => endpoint),
    nobody: shared.nobody,
  };
  const strangers = seen.flatMap((host, i) =>
    (shared.shares[i] ?? 0) > 0 && !answers.some(({ endpoint }) => endpoint.instance === host.instance)
      ? [[host, shared.shares[i] ?? 0] as const]
      : [],
  );
  const outcomes = [
    ...withTries(answers, rule?.settings ?? placement.settings, question),
    ...strangers.map(([host, part]) => answered(question, host.instance, host.address, part, "")),
    ...(shared.nobody > 0
      ? [
          {
            ...refusal(question, "UH", "no healthy upstream", emptyWords(name, subset, eligible, service.instances.length)),
            share: share * shared.nobody,
          },
        ]
      : []),
  ];
  return { way, outcomes };
}

function clusterOf(world: ExplainedWorld, name: string): KnownCluster | undefined {
  const cluster = world.resource(typeUrl(ClusterSchema), name);
  const endpoints = world.resource(typeUrl(ClusterLoadAssignmentSchema), name);
  return cluster && knownCluster(cluster, endpoints);
}

/** What counts of zones: how many instances of the caller's own service serve in each. */
function zonesOf({ caller, resource }: ExplainedWorld): { readonly own: string; readonly callers: ReadonlyMap<string, number> } {
  const { region, zone, node } = caller;
  const known = resource(typeUrl(ClusterLoadAssignmentSchema), zoneAssignmentName(node.service, region));
  const callers = new Map<string, number>();
  const hosts = known ? hostsOf(fromBinary(ClusterLoadAssignmentSchema, known.bytes)) : [];
  for (const { locality } of hosts) callers.set(locality, (callers.get(locality) ?? 0) + 1);
  return { own: localityKey(region, zone), callers };
}

function isEjected(world: ExplainedWorld, service: string, { address }: KnownHost): boolean {
  return world.breakers(service).some((one) => one.address === address && one.state === "open");
}

/** Where a try finds no connection, those that are made again may find instances that take some. */
function withTries(answers: readonly PlacedAnswer[], settings: TrafficSettings, question: WayQuestion): readonly ExplainedOutcome[] {
  const isAgain = ({ access }: PlacedAnswer) => access.kind === "unreachable" && triesAgain(access.flag, settings, question.request);
  const sum = (list: readonly PlacedAnswer[]) => list.reduce((total, { endpoint }) => total + endpoint.share, 0);
  const again = answers.filter((answer) => isAgain(answer) && answer.endpoint.share > 0);
  const [lost, elsewhere] = [sum(again), sum(answers.filter((answer) => !isAgain(answer)))];
  const shares = again.map(({ endpoint }) => endpoint.share);
  const vain = shareInVain(shares, elsewhere, triesOf(settings, question.request));
  return answers.flatMap((answer) => {
    const isLost = isAgain(answer);
    const ends = isLost ? vain * (1 + elsewhere / lost) : (1 - vain) * (1 + lost / elsewhere);
    return answer.endpoint.share > 0 ? outcomesOf(question, answer, ends, isLost) : [];
  });
}

function outcomesOf(
  question: WayQuestion,
  { endpoint, access }: PlacedAnswer,
  more: number,
  isAgain: boolean,
): readonly ExplainedOutcome[] {
  const { instance, address, reason } = endpoint;
  const part = endpoint.share * more;
  if (part === 0) return [];
  if (access.kind === "open") return [answered(question, instance, address, part, reason)];
  const base = { share: question.share * part, service: question.service, instance, address, why: reason };
  if (access.kind === "unreachable") {
    const reply = question.request ? localReply(question.request, 503, "") : { status: 0, body: "" };
    return [{ ...base, by: "caller-proxy", ...reply, flags: [access.flag, ...(isAgain ? ["URX"] : [])] }];
  }
  if (!question.request) return [{ ...base, by: "instance-proxy", status: 0, flags: [] }];
  const body = `legation: denied by intention (rbac_access_denied_matched_policy[${access.rule}])\n`;
  return [{ ...base, by: "instance-proxy", ...localReply(question.request, 403, body), flags: [] }];
}

function answered({ share, service }: WayQuestion, instance: string, address: string, part: number, why: string): ExplainedOutcome {
  return { share: share * part, by: "instance", service, instance, address, flags: [], why };
}

/** The caller's own proxy refuses. */
function refusal({ share, service, request }: WayQuestion, flag: string, body: string, why: string): ExplainedOutcome {
  const reply = request ? localReply(request, 503, body) : { status: 0, body: "" };
  return { share, by: "caller-proxy", service, ...reply, flags: [flag], why };
}

function emptyWords(service: string, subset: string | undefined, hosts: readonly KnownHost[], registered: number): string {
  if (registered === 0) return `${service} is not registered`;
  if (hosts.length === 0)
    return subset === undefined
      ? `none of the ${registered} instances of ${service} has been passing yet, or can be reached`
      : `no instance of ${service} belongs to subset ${subset}`;
  return `none of the ${hosts.length} instances of ${service}${subset === undefined ? "" : ` in subset ${subset}`} is well, and none is tried all the same`;
}

const policies: Readonly<Record<string, string>> = {
  least_request: "the least busy by weight",
  round_robin: "each in turn by weight",
  random: "one at random",
  ring_hash: "one by hash, the same for equal requests",
  maglev: "one by hash, the same for equal requests",
};

function chosenWords({ policy, panicThreshold, activeChecks, dns }: KnownCluster, shared: Balance, hosts: readonly KnownHost[]): string {
  const well = hosts.filter(({ health }) => health === "healthy").length;
  const parts = [`${policies[policy] ?? policy} of ${well} that are well, of ${hosts.length}`];
  if (shared.levels.some(({ panic, load }) => panic && load > 0))
    parts.push(`fewer than ${panicThreshold} % are well, so that all are tried (panic)`);
  if (shared.zone !== undefined) parts.push(`${percent(shared.zone)} of the requests stay in the caller's zone`);
  const spill = shared.levels.filter(({ load }, i) => i > 0 && load > 0);
  if (spill.length > 0) parts.push(`${spill.reduce((sum, { load }) => sum + load, 0)} % go to other regions`);
  if (activeChecks) parts.push("the proxy checks them itself, and what it found is not known here");
  if (dns) parts.push("the proxy looks up their names itself");
  return parts.join("; ");
}

/** A share in words: `33.3 %`. */
export function percent(share: number): string {
  return `${Math.round(share * 1_000) / 10} %`;
}
