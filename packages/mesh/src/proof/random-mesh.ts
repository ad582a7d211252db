/** Random meshes: policies of traffic over a random registry, and everything that one proxy of it gets. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { CatalogService } from "../catalog/instance.js";
import { compileNode } from "../compile-node.js";
import { compileService } from "../compile-service.js";
import type { PolicyDocument } from "../policy/kinds.js";
import { policySet } from "../policy/policy-set.js";
import { anyTraffic } from "../policy/testing/arbitrary.js";
import { trafficPolicies } from "../policy/traffic/traffic-policies.js";
import { resourceJson } from "./golden-case.js";
import { instance } from "./instances.js";

/** A mesh of a few services, whose names all begin with `anyPrefix`. */
export interface RandomMesh {
  readonly documents: readonly PolicyDocument[];
  readonly services: readonly CatalogService[];
}

const anyPrefix = "random-";
const names = ["a", "b", "c"].map((letter) => anyPrefix + letter);

const anyCatalog = fc
  .tuple(
    ...names.map((name) =>
      fc.record({
        name: fc.constant(name),
        protocol: fc.oneof({ weight: 6, arbitrary: fc.constant("http") }, fc.constantFrom("http2", "grpc", "tcp")),
        instances: fc.array(
          fc.record({
            tags: fc.subarray(["v1", "canary"]),
            meta: fc.record({
              version: fc.constantFrom("v1", "v2", "2.0"),
              zone: fc.constantFrom("a", "b", ""),
              region: fc.constantFrom("north", "south", ""),
            }),
            weight: fc.constantFrom(1, 2, 10),
          }),
          { maxLength: 3 },
        ),
      }),
    ),
  )
  .map((services) => services.map(registered));

interface Drawn {
  readonly name: string;
  readonly protocol: string;
  readonly instances: readonly { readonly tags: string[]; readonly meta: Record<string, string>; readonly weight: number }[];
}

function registered({ name, protocol, instances }: Drawn): CatalogService {
  const all = instances.map(({ tags, meta, weight }, i) =>
    instance({
      node: `host-${i}`,
      id: `${name}-${i}`,
      service: name,
      // Nobody listens there, so that Envoy's health checks are answered at once.
      address: `127.0.0.${i + 1}`,
      port: 1,
      tags,
      meta: { ...meta, protocol },
      weights: { passing: weight, warning: 1 },
    }),
  );
  return { name, instances: all };
}

/** Any mesh whose policies are right. */
export const anyMesh: fc.Arbitrary<RandomMesh> = fc.record({ documents: anyTraffic(names), services: anyCatalog });

/** The mesh with its names changed, so that many can be in one Envoy. */
export function renamed(mesh: RandomMesh, prefix: string): RandomMesh {
  return JSON.parse(JSON.stringify(mesh).replaceAll(anyPrefix, prefix)) as RandomMesh;
}

/**
 * Compiles all of it for a sidecar that depends on every service, as clusters and listeners with endpoints and routes inside them, so that
 * an Envoy judges each by itself, and also whether what routes name is there. Each name begins with `prefix`.
 */
export function compileMesh(mesh: RandomMesh, prefix: string): readonly JsonObject[] {
  const { documents, services } = renamed(mesh, prefix);
  const policies = trafficPolicies(policySet(documents));
  const own = `${prefix}web`;
  const { view, instance: mine } = compileNode(
    {
      api: 1,
      service: own,
      kind: "sidecar",
      inbound: "127.0.0.1:20000",
      app: "127.0.0.1:3000",
      outbound: "127.0.0.1:15001",
      protocol: "http",
      dependencies: services.map(({ name }) => ({ name, optional: false })),
    },
    (name) => services.find((service) => service.name === name),
    policies,
  );
  const compiled = services.map((service) => compileService(service, policies));
  return inOneEnvoy([...view, ...mine, ...compiled.flatMap(({ cluster, endpoints }) => [cluster, endpoints])].map(resourceJson), prefix);
}

/** What one proxy is given, as clusters and listeners with endpoints and routes inside them, each of whose names begins with `prefix`. */
export function inOneEnvoy(json: readonly JsonObject[], prefix: string): readonly JsonObject[] {
  const of = (type: string) => json.filter((one) => String(one["@type"]).endsWith(`.${type}`));
  const assignments = new Map(of("ClusterLoadAssignment").map((one) => [one["clusterName"], one]));
  const routes = new Map(of("RouteConfiguration").map((one) => [one["name"], one]));
  const clusters = of("Cluster").map((cluster) => withEndpoints(cluster, assignments.get(cluster["name"])));
  const listeners = of("Listener").map((listener) => withRoutes(listener, routes) as JsonObject);
  const all = [...clusters, ...standIns(listeners, clusters), ...listeners];
  const each = new Set(all.map(({ name }) => String(name)).filter((name) => !name.startsWith(prefix)));
  return all.map((one) => prefixed(one, prefix, each));
}

/** Requests for a subset that no policy names are sent to a cluster that is not there, and are meant to be. */
function standIns(listeners: readonly JsonObject[], clusters: readonly JsonObject[]): readonly JsonObject[] {
  const there = new Set(clusters.map(({ name }) => String(name)));
  const subsets = JSON.stringify(listeners).match(/(?<=")[a-z0-9-]+:(?:v1|v2|canary)(?=")/g) ?? [];
  const type = clusters[0]?.["@type"] ?? "";
  return [...new Set(subsets)].filter((name) => !there.has(name)).map((name) => ({ "@type": type, name, type: "STATIC" }));
}

function withEndpoints(cluster: JsonObject, assignment: JsonObject | undefined): JsonObject {
  if (cluster["type"] !== "EDS") return cluster;
  const { edsClusterConfig: _, ...rest } = cluster;
  const { "@type": _type, ...loadAssignment } = assignment ?? {};
  return { ...rest, type: "STATIC", loadAssignment: { clusterName: String(cluster["name"]), ...loadAssignment } };
}

/** The listener with the routes that it would ask for in the place of the question. */
function withRoutes(value: JsonValue, routes: ReadonlyMap<JsonValue | undefined, JsonObject>): JsonValue {
  if (Array.isArray(value)) return value.map((one) => withRoutes(one, routes));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key !== "rds") return [key, withRoutes(inner, routes)];
      const { "@type": _, ...routeConfig } = routes.get((inner as JsonObject)["routeConfigName"]) ?? {};
      return ["routeConfig", routeConfig];
    }),
  );
}

/** Every name that each proxy has for itself, made this one's. */
function prefixed<T extends JsonValue>(value: T, prefix: string, own: ReadonlySet<string>): T {
  if (Array.isArray(value)) return value.map((one) => prefixed(one, prefix, own)) as JsonValue as T;
  if (typeof value !== "object" || value === null) return value;
  const names = ["name", "cluster", "clusterName"];
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === "string" && names.includes(key) && own.has(inner) ? `${prefix}${inner}` : prefixed(inner, prefix, own),
    ]),
  ) as JsonValue as T;
}
