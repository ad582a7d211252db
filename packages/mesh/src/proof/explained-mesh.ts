/** Random meshes in random states, with requests to them: what a real Envoy does with these is held against the explanation. */
import { create, fromBinary, type JsonObject } from "@bufbuild/protobuf";
import { dependencyOf, type NodeMetadata, zoneAssignmentName } from "@legation/contract";
import { HealthStatus } from "@legation/envoy-api/envoy/config/core/v3/health_check";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import type fc from "fast-check";
import type { CatalogService } from "../catalog/instance.js";
import { compileNode } from "../compile-node.js";
import { compileService, endpointsFrom } from "../compile-service.js";
import type { ExplainedRequest, ExplainedWorld } from "../explain/index.js";
import type { PolicyDocument } from "../policy/kinds.js";
import { policySet } from "../policy/policy-set.js";
import { mendedDocuments } from "../policy/testing/mended.js";
import { defaultSettings } from "../policy/traffic/settings.js";
import { trafficPolicies } from "../policy/traffic/traffic-policies.js";
import { type MeshResource, resource } from "../resource.js";
import { anyDraw, type Draw, letters, mostInstances } from "./explained-draw.js";
import { resourceJson } from "./golden-case.js";
import { instance } from "./instances.js";
import { inOneEnvoy } from "./random-mesh.js";

/** The addresses on which applications answer, all on one port. */
export const addresses: readonly string[] = Array.from({ length: letters.length * mostInstances }, (_, i) => `127.0.0.${i + 11}`);

/** Where the caller is; as the Envoys of this folder are. */
const place = { region: "north", zone: "a" };

/** One mesh. */
export interface ExplainedMesh {
  readonly world: Omit<ExplainedWorld, "breakers">;
  /** For an Envoy that has other meshes too. */
  readonly resources: readonly JsonObject[];
  /** `r0x-`: what all of its names begin with. */
  readonly prefix: string;
  readonly requests: readonly ExplainedRequest[];
  /** Instances that are to fail until they are ejected, by address. */
  readonly victims: readonly string[];
  readonly documents: readonly PolicyDocument[];
}

/** A random mesh; `spread` is how many instances of the caller's own service there are in each zone of its region. */
export function anyExplainedMesh(number: number, port: number, spread: Readonly<Record<string, number>>): fc.Arbitrary<ExplainedMesh> {
  return anyDraw.map((all) =>
    explainedMesh(JSON.parse(JSON.stringify(all).replaceAll("any-", `r${number}x-`)) as Draw, `r${number}x-`, port, spread),
  );
}

function explainedMesh(all: Draw, prefix: string, port: number, spread: Readonly<Record<string, number>>): ExplainedMesh {
  const services = all.services.map((service, i) => registered(`${prefix}${letters[i]}`, service, i, port));
  const documents = mendedDocuments(
    [...all.documents.map(tamed), ...all.services.flatMap((one, i) => forced(`${prefix}${letters[i]}`, one))].reduce(joined, []),
  );
  const traffic = trafficPolicies(policySet(documents), {
    ...defaultSettings,
    balancing: { ...defaultSettings.balancing, slowStart: 0 },
    circuitBreaker: { ...defaultSettings.circuitBreaker, failureThreshold: all.ejecting ? 1 : 1_000_000, recoveryTimeout: 3_600_000 },
  });
  const known = new Map(services.map((service) => [service.name, service]));
  const node: NodeMetadata = {
    ...{ api: 1, service: `${prefix}web`, kind: "sidecar", inbound: "127.0.0.1:20000", app: "127.0.0.1:1", outbound: "127.0.0.1:15001" },
    protocol: "http",
    dependencies: services.map(({ name }, i) => dependencyOf(all.services[i]?.protocol === "tcp" ? `${name}:${15_430 + i}` : name)),
  };
  const { view, instance: own, clusters } = compileNode(node, (name) => known.get(name), traffic);
  const degraded = new Set(
    services.flatMap((service, i) => service.instances.filter((_, j) => all.services[i]?.instances[j]?.degraded).map(({ id }) => id)),
  );
  const shared = clusters.flatMap((name) => {
    const compiled = compileService(known.get(name) ?? { name, instances: [] }, traffic);
    return [compiled.cluster, withDegraded(endpointsFrom(compiled, place.region) ?? compiled.endpoints, degraded)];
  });
  const resources = [...view, ...own, ...shared];
  const byName = new Map(resources.map((one) => [`${one.typeUrl} ${one.name}`, one]));
  const zones = ownZones(zoneAssignmentName(node.service, place.region), spread);
  byName.set(`${zones.typeUrl} ${zones.name}`, zones);
  return {
    ...{ prefix, documents },
    resources: inOneEnvoy(resources.map(resourceJson), prefix),
    requests: all.requests.map((request) => requestOf(request, prefix, all.services)),
    victims: all.ejecting
      ? addresses.filter((_, i) => all.services[Math.floor(i / mostInstances)]?.instances[i % mostInstances]?.victim)
      : [],
    world: {
      caller: { node, instance: `machine/${prefix}web-1`, ...place },
      resource: (typeUrl, name) => byName.get(`${typeUrl} ${name}`),
      service: (name) => known.get(name),
      traffic,
      identity: () => ({ mode: "off", authorization: "off" }),
      identityDocuments: [],
      trust: undefined,
      intentions: undefined,
      since: () => undefined,
    },
  };
}

function registered(name: string, service: Draw["services"][number], number: number, port: number): CatalogService {
  const instances = service.instances.map(({ tags, version, weight, checks: own, everPassed, ...at }, i) => {
    const { zone, region } = service.place ?? at;
    return instance({
      ...{ node: "machine", id: `${name}-${i}`, service: name, port, tags, checks: own, everPassed },
      address: addresses[number * mostInstances + i] ?? "",
      meta: { version, zone, region, protocol: service.protocol },
      weights: { passing: weight, warning: 1 },
    });
  });
  return { name, instances };
}

/** Without what makes answers depend on time, on load, or on answers before. */
function tamed(document: PolicyDocument): unknown {
  const {
    timeouts: _t,
    healthChecks: _h,
    hedging: _g,
    retries: _r,
    limits: _l,
    connections: _c,
    accessLog: _a,
    circuitBreaker: _b,
    ...rest
  } = structuredClone(document) as Record<string, unknown>;
  const balancing = rest["balancing"] as Record<string, unknown> | undefined;
  if (balancing) delete balancing["slowStart"];
  for (const rule of (rest["rules"] ?? []) as Record<string, unknown>[]) {
    for (const field of ["timeouts", "retries", "hedging"]) delete rule[field];
    const fault = rule["fault"] as { delay?: { duration: string } } | undefined;
    if (fault?.delay) fault.delay.duration = "2ms";
  }
  return rest;
}

/** What is said of the service beside its random policy. */
function forced(name: string, { rules, settings }: Draw["services"][number]): readonly object[] {
  const { strategy, panicThreshold, locality, whenAllFail } = settings;
  const hashOn = strategy === "ring_hash" || strategy === "maglev" ? { hashOn: [{ header: "x-user" }] } : {};
  const head = { apiVersion: "legation/v1" };
  const service = {
    ...{ ...head, kind: "Service", name },
    ...(strategy || panicThreshold
      ? { balancing: { ...(strategy ? { strategy, ...hashOn } : {}), ...(panicThreshold ? { panicThreshold } : {}) } }
      : {}),
    ...(locality ? { locality } : {}),
    ...(whenAllFail ? { circuitBreaker: { whenAllFail } } : {}),
    subsets: { v1: { version: "v1" }, v2: { version: "v2" } },
  };
  return [service, ...(rules.length > 0 ? [{ ...head, kind: "Route", name: `${name}-own`, service: name, rules }] : [])];
}

/** A service has one document. */
function joined(documents: unknown[], next: unknown): unknown[] {
  const { kind, name } = next as PolicyDocument;
  const at = documents.findIndex((one) => (one as PolicyDocument).kind === kind && (one as PolicyDocument).name === name);
  return at < 0 ? [...documents, next] : documents.map((one, i) => (i === at ? { ...(one as object), ...(next as object) } : one));
}

function withDegraded(assignment: MeshResource, degraded: ReadonlySet<string>): MeshResource {
  const message = fromBinary(ClusterLoadAssignmentSchema, assignment.bytes);
  for (const one of message.endpoints.flatMap(({ lbEndpoints }) => lbEndpoints))
    if (one.healthStatus === HealthStatus.HEALTHY && degraded.has(String(one.metadata?.filterMetadata["legation"]?.["id"])))
      one.healthStatus = HealthStatus.DEGRADED;
  return resource(ClusterLoadAssignmentSchema, assignment.name, message, assignment.provenance);
}

/** The assignment of the caller's own service, by zone. */
export function ownZones(name: string, spread: Readonly<Record<string, number>>): MeshResource {
  const endpoints = Object.entries(spread).map(([zone, count], i) => ({
    locality: { region: place.region, zone },
    lbEndpoints: Array.from({ length: count }, (_, j) => ({
      hostIdentifier: {
        case: "endpoint" as const,
        value: {
          address: {
            address: {
              case: "socketAddress" as const,
              value: { address: `127.1.${i}.${j + 1}`, portSpecifier: { case: "portValue" as const, value: 1 } },
            },
          },
        },
      },
    })),
  }));
  return resource(ClusterLoadAssignmentSchema, name, create(ClusterLoadAssignmentSchema, { clusterName: name, endpoints }), {
    service: "web",
    source: "catalog",
  });
}

function requestOf(asked: Draw["requests"][number], prefix: string, services: Draw["services"]): ExplainedRequest {
  const { method, service, form, path, query, headers, grpc } = asked;
  const at = letters.indexOf(service);
  const type: Record<string, string> = grpc ? { "content-type": "application/grpc" } : {};
  if (services[at]?.protocol === "tcp" && form === "") return { method: "GET", url: `tcp://${prefix}${service}`, headers: {} };
  return { method: grpc ? "POST" : method, url: `http://${prefix}${service}${form}${path}${query}`, headers: { ...headers, ...type } };
}
