/** A golden case: a catalog and nodes in YAML, compiled, and printed as canonical proto JSON with every Any expanded. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@bufbuild/protobuf";
import { decodeNodeMetadata } from "@legation/contract";
import { decode, registry, toJson } from "@legation/envoy-api";
import { parse } from "yaml";
import { type CatalogService, type Instance, keyOf } from "../catalog/instance.js";
import { type CompiledNode, compileNode, type NodeIdentity } from "../compile-node.js";
import { type CompiledService, compileService } from "../compile-service.js";
import { layersOf } from "../layers.js";
import { type IdentityPolicy, identityOf, noIdentityPolicies } from "../policy/identity/identity.js";
import type { Trust } from "../policy/identity/trust.js";
import { noTraffic } from "../policy/traffic/traffic-policies.js";
import type { MeshResource } from "../resource.js";
import { writtenPolicies } from "./written-policies.js";

/** Where the cases are, one directory each. */
export const goldenDirectory = fileURLToPath(new URL("../../golden", import.meta.url));

/** The names of all cases. */
export function goldenCases(): string[] {
  return readdirSync(goldenDirectory).sort();
}

/** A case, compiled. */
export interface GoldenCase {
  readonly services: ReadonlyMap<string, CompiledService>;
  readonly nodes: ReadonlyMap<string, CompiledNode>;
  readonly layers: ReadonlyMap<string, { readonly view: string; readonly instance: string }>;
  /** The services that gRPC applications without an Envoy call. */
  readonly calledByGrpc: ReadonlySet<string>;
}

/**
 * Reads and compiles a case: every service of its catalog, every node, and the services that nodes depend on and nobody registered.
 * `identity.yaml`, where there is one, has the trust and the `Identity` policies; `policies.yaml` has those of traffic.
 */
export function compileCase(name: string): GoldenCase {
  const text = (file: string) => readFileSync(join(goldenDirectory, name, file), "utf8");
  const read = (file: string): unknown => parse(text(file));
  const has = (file: string) => existsSync(join(goldenDirectory, name, file));
  const catalog = new Map((read("catalog.yaml") as Partial<CatalogService>[]).map((raw) => [raw.name ?? "", catalogService(raw)]));
  const identity: NodeIdentity = has("identity.yaml")
    ? identityFrom(read("identity.yaml") as WrittenIdentity)
    : { policies: noIdentityPolicies };
  const traffic = has("policies.yaml") ? writtenPolicies(text("policies.yaml")) : noTraffic;
  const nodes = new Map<string, CompiledNode>();
  const layers = new Map<string, { view: string; instance: string }>();
  const calledByGrpc = new Set<string>();
  for (const [id, raw] of Object.entries(read("nodes.yaml") as Record<string, JsonObject>)) {
    const { zone = "", region = "", ...rest } = raw;
    const metadata = decodeNodeMetadata({ api: 1, ...rest });
    if (typeof metadata === "string") throw new Error(`golden/${name}/nodes.yaml: ${id}: ${metadata}`);
    const registered = catalog.get(metadata.service)?.instances.find((instance) => keyOf(instance) === id);
    nodes.set(
      id,
      compileNode(metadata, (service) => catalog.get(service), traffic, { ...identity, registered }),
    );
    if (metadata.kind === "grpc") for (const service of nodes.get(id)?.clusters ?? []) calledByGrpc.add(service);
    layers.set(id, layersOf(metadata, { region: String(region), zone: String(zone) }, id));
  }
  const wanted = [...nodes.values()].flatMap((node) => node.clusters).filter((service) => !catalog.has(service));
  const all = [...catalog.values(), ...[...new Set(wanted)].map((service) => ({ name: service, instances: [] }))];
  const compiled = (service: CatalogService) =>
    compileService(service, traffic, { trust: identity.trust, mode: identityOf(identity.policies, service.name).mode });
  return { services: new Map(all.map((service) => [service.name, compiled(service)])), nodes, layers, calledByGrpc };
}

interface WrittenIdentity {
  readonly trust?: Trust;
  readonly mesh?: IdentityPolicy;
  readonly services?: Readonly<Record<string, IdentityPolicy>>;
}

function identityFrom({ trust, mesh = {}, services = {} }: WrittenIdentity): NodeIdentity {
  return { policies: { mesh, services: new Map(Object.entries(services)) }, trust };
}

/** A service with what the YAML leaves out: an instance without checks that has passed, of weight 1. */
function catalogService(raw: Partial<CatalogService>): CatalogService {
  const name = raw.name ?? "";
  return { name, instances: (raw.instances ?? []).map((instance) => ({ ...blank, ...instance, service: name })) };
}

const blank: Instance = {
  node: "",
  id: "",
  service: "",
  address: "",
  port: 0,
  tags: [],
  meta: {},
  weights: { passing: 1, warning: 1 },
  checks: [],
  everPassed: true,
};

/** A resource as JSON, `@type` first, as it stands in a discovery response. */
export function resourceJson(resource: MeshResource): JsonObject {
  const message = decode(resource.typeUrl, resource.bytes);
  const schema = registry.getMessage(message.$typeName);
  if (!schema) throw new Error(`no schema of ${message.$typeName}`);
  return { "@type": resource.typeUrl, ...(toJson(schema, message) as JsonObject) };
}
