/** One node's description → what it gets besides the clusters of its dependencies. */
import { type NodeMetadata, serviceNameProblem, splitAddress } from "@legation/contract";
import { ClusterSchema } from "@legation/envoy-api/envoy/config/cluster/v3/cluster";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { type Secret, SecretSchema } from "@legation/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import type { Admission } from "./authorization/admission.js";
import { inboundAuthorization } from "./authorization/filters.js";
import { type Callee, calleeOf } from "./callee.js";
import { isIp } from "./catalog/address.js";
import { type CatalogService, compareText, type Instance } from "./catalog/instance.js";
import { compileGrpc } from "./compile-grpc.js";
import { compileLocalPorts } from "./compile-local-ports.js";
import { appCluster, inboundCluster } from "./envoy/clusters/inbound-cluster.js";
import { type InboundAccess, inboundListener } from "./envoy/listeners/inbound.js";
import { outboundListener } from "./envoy/listeners/outbound.js";
import { outbound, outboundRoutes } from "./envoy/routes/outbound.js";
import { admittingSecret, secrets } from "./envoy/tls/secrets.js";
import { grpcGaps } from "./grpc-gaps.js";
import { localPorts } from "./local-ports.js";
import { type IdentityPolicies, identityOf, noIdentityPolicies } from "./policy/identity/identity.js";
import { answersPlaintext, answersTls } from "./policy/identity/plaintext.js";
import { spiffePrefix, type Trust } from "./policy/identity/trust.js";
import { type ServiceTraffic, type TrafficPolicies, trafficTo } from "./policy/traffic/traffic-policies.js";
import type { Problem } from "./problem.js";
import { type MeshResource, provenance, resource } from "./resource.js";
import { routeTargets } from "./route-targets.js";

/** What a node gets of its own. */
export interface CompiledNode {
  /** Equal for all nodes with one view key (`layersOf`): routes, and the API listeners of gRPC applications. */
  readonly view: readonly MeshResource[];
  /** Of this instance alone: listeners, and the cluster of its application. */
  readonly instance: readonly MeshResource[];
  /** The services whose clusters (and endpoints) this node gets, sorted. Each has a cluster, registered or not. */
  readonly clusters: readonly string[];
  readonly problems: readonly Problem[];
}

/** Who a node is, and what that asks for. */
export interface NodeIdentity {
  readonly policies: IdentityPolicies;
  /** Whose certificates count; undefined while Consul's CA has not said, and then there is no TLS. */
  readonly trust?: Trust | undefined;
  /** The node's own instance in the catalog. */
  readonly registered?: Instance | undefined;
  /** Whom its handshakes let in, where it speaks `tcp`. Unless given, anyone of the trust domain. */
  readonly admission?: Admission;
}

/**
 * Compiles a node from its own description. Of its dependencies it looks only at what `Callee` says, so that its view has to be compiled
 * again when the `outline` of one of its `clusters` changes, and at no other change. Its instance resources change with its own service's
 * policies, and with what its own registration says of TLS.
 */
export function compileNode(
  node: NodeMetadata,
  catalog: (name: string) => CatalogService | undefined,
  policies: TrafficPolicies,
  identity: NodeIdentity = { policies: noIdentityPolicies },
): CompiledNode {
  const known = (name: string) => catalog(name) ?? { name, instances: [] };
  const { view, clusters, problems } = compileView(node, (name) =>
    calleeOf(known(name), policies, identityOf(identity.policies, name).mode),
  );
  const own = compileInstance(node, trafficTo(known(node.service), policies), identity);
  return { view, instance: own.instance, clusters, problems: [...problems, ...own.problems] };
}

/** The part of `compileNode` that a node shares. */
export function compileView(node: NodeMetadata, calleeNamed: (name: string) => Callee): Omit<CompiledNode, "instance"> {
  const { problems, say } = problemsOf(node);
  if (node.kind === "gateway") {
    say("gateway-unserved", "gateways get no configuration: run it as kind sidecar");
    return { view: [], clusters: [], problems };
  }
  const dependencies = callable(node, calleeNamed, say);
  const { ports, problems: portProblems } = localPorts(node);
  for (const message of portProblems) say("dependency-port", message);
  for (const callee of dependencies) {
    if (!callee.registered) sayUnknown(callee, say);
    if (callee.protocol === "tcp" && !ports.some(({ service }) => service === callee.name)) sayUnserved(node, callee, say);
    sayIfRefused(node, callee, say);
    if (node.kind === "grpc") for (const gap of grpcGaps(callee)) say("grpc-unsupported", `dependency ${callee.name}: ${gap}`);
  }
  const { targets, flaws } = routeTargets(dependencies, calleeNamed);
  for (const flaw of flaws) say("route-target", flaw);
  for (const target of targets) sayIfRefused(node, target, say);
  const documents = [...new Set(dependencies.flatMap((callee) => callee.documents))];
  const own = provenance(node.service, "default", documents);
  const view =
    node.kind === "grpc"
      ? dependencies.flatMap((callee) => compileGrpc(callee, own))
      : [
          resource(
            RouteConfigurationSchema,
            outbound,
            outboundRoutes(
              node.service,
              dependencies.map((callee) => callee.virtualHost),
            ),
            own,
          ),
          ...compileLocalPorts(ports, calleeNamed(node.service), dependencies),
        ];
  const clusters = [...dependencies, ...targets].map(({ name }) => name).sort(compareText);
  return { view, clusters, problems };
}

/** The part of `compileNode` that is one instance's alone. */
export function compileInstance(
  node: NodeMetadata,
  traffic: ServiceTraffic,
  identity: NodeIdentity,
): Pick<CompiledNode, "instance" | "problems"> {
  const { problems, say } = problemsOf(node);
  return { instance: node.kind === "sidecar" ? sidecar(node, traffic, identity, say) : [], problems };
}

function problemsOf({ service }: NodeMetadata): { readonly problems: Problem[]; readonly say: Say } {
  const problems: Problem[] = [];
  return { problems, say: (code, message) => problems.push({ code, service, message }) };
}

type Say = (code: Problem["code"], message: string) => void;

/**
 * The names that can be routed to, sorted, each once: host names know no case, and Envoy refuses routes in which two are equal. Of
 * two that differ in case only, the registered one stays.
 */
function callable(node: NodeMetadata, calleeNamed: (name: string) => Callee, say: Say): Callee[] {
  const callees = new Map<string, Callee>();
  const wanted = [...new Set(node.dependencies.map(({ name }) => name))].sort(compareText).map(calleeNamed);
  for (const callee of [...wanted.filter(({ registered }) => registered), ...wanted.filter(({ registered }) => !registered)]) {
    const { name } = callee;
    const flaw = serviceNameProblem(name);
    const twin = callees.get(name.toLowerCase())?.name;
    if (flaw) say("dependency-name", `a dependency is left out: ${flaw}`);
    else if (name.toLowerCase() === node.service.toLowerCase())
      say("dependency-self", `${name} depends on itself, which is left out: remove it from its dependencies`);
    else if (twin !== undefined) say("dependency-twice", `dependency ${name} is left out: as a host name it is the same as ${twin}`);
    else callees.set(name.toLowerCase(), callee);
  }
  return [...callees.values()].sort((a, b) => compareText(a.name, b.name));
}

function sayUnknown({ name }: Callee, say: Say): void {
  say("dependency-unknown", `dependency ${name} is not registered: requests to it fail until an instance of ${name} is`);
}

function sayUnserved({ kind, service }: NodeMetadata, { name }: Callee, say: Say): void {
  const flaw = `dependency ${name} speaks tcp and is not served over ${kind === "grpc" ? "gRPC" : "HTTP: requests to it are answered 502"}`;
  const mend =
    kind === "grpc"
      ? "Call it through an Envoy"
      : `Give it a local port in the configuration of ${service}, dependencies: [{name: ${name}, localPort: 15432}], and connect there`;
  say("dependency-tcp", `${flaw}. ${mend}`);
}

/** True for a node whose Envoy calls by mutual TLS where it can: it has a certificate. A gRPC application without an Envoy never does. */
export function hasIdentity({ kind, certificates }: NodeMetadata): boolean {
  return kind === "sidecar" && certificates !== undefined;
}

function sayIfRefused(node: NodeMetadata, { name, mode }: Callee, say: Say): void {
  if (mode !== "strict" || hasIdentity(node)) return;
  const why =
    node.kind === "grpc" ? "a gRPC application without an Envoy calls in plain text" : `a node of ${node.service} has no certificate`;
  const mend = node.kind === "grpc" ? "run it with an Envoy" : "let its agent get one from Consul (identity.certificates: on)";
  say(
    "caller-without-certificate",
    `dependency ${name} is strict, and ${why}, so that requests to it fail: ${mend}, or make ${name} permissive`,
  );
}

function sidecar(node: NodeMetadata, { settings, documents }: ServiceTraffic, identity: NodeIdentity, say: Say): MeshResource[] {
  const own = provenance(node.service, "default", documents);
  const resources: MeshResource[] = [];
  const bindable = (what: "inbound" | "outbound") => {
    const address = splitAddress(node[what]);
    if (address && isIp(address.host)) return address;
    say("node-address", `no ${what} listener: ${what} is "${node[what]}", and a listener needs an IP address and a port`);
    return undefined;
  };
  const outside = bindable("outbound");
  if (outside) resources.push(resource(ListenerSchema, outbound, outboundListener(outside, settings), own));
  const inside = bindable("inbound");
  const app = splitAddress(node.app);
  if (!app) say("node-address", `no inbound listener: app is "${node.app}", and it has to be host:port`);
  if (inside && app) {
    const access = accessTo(node, identity, say);
    if (access) resources.push(resource(ListenerSchema, "inbound", inboundListener(inside, node.protocol, settings, access), own));
    resources.push(resource(ClusterSchema, inboundCluster, appCluster(app, node.protocol, settings), own));
  }
  if (node.certificates !== undefined)
    for (const secret of [...secrets(node.certificates), ...admitting(node, node.certificates, identity)])
      resources.push(resource(SecretSchema, secret.name, secret, own));
  return resources;
}

/** A listener waits for this secret, and keeps the one that it has, while nobody knows what is in it. */
function admitting({ protocol }: NodeMetadata, directory: string, { trust, admission = "anyone" }: NodeIdentity): readonly Secret[] {
  if (protocol !== "tcp" || !trust || admission === "unknown") return [];
  const callers = admission === "anyone" ? [{ case: "prefix" as const, value: spiffePrefix(trust) }] : admission;
  return [admittingSecret(directory, callers)];
}

/** Undefined when nobody may connect. */
function accessTo(node: NodeMetadata, { policies, trust, registered }: NodeIdentity, say: Say): InboundAccess | undefined {
  const { mode } = identityOf(policies, node.service);
  const plaintext = answersPlaintext(mode, registered);
  if (node.certificates !== undefined && trust && answersTls(mode, node.protocol, registered))
    return { plaintext, mutual: { trust, authorization: inboundAuthorization(node.service) } };
  const closed = plaintext ? "" : ", and no inbound listener without it";
  if (mode !== "off" && node.certificates === undefined) {
    const message = `${node.service} is ${mode}, and a node of it has no certificate${closed}: let its agent get one from Consul (identity.certificates: on)`;
    say("node-without-certificate", message);
  }
  return plaintext ? { plaintext } : undefined;
}
