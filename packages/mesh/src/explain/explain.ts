/** The way of a request through a caller's proxy, step by step, and what would answer: worked out from what the proxy is given. */
import { fromBinary } from "@bufbuild/protobuf";
import type { ExplainedOutcome, ExplainedStep, Explanation } from "@legation/contract/api";
import { typeUrl } from "@legation/envoy-api";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import { localPortName } from "../envoy/listeners/local-port.js";
import { outbound } from "../envoy/routes/outbound.js";
import { type LocalPort, localPorts } from "../local-ports.js";
import { virtualHostFor } from "../routing/host-match.js";
import type { RoutedRequest } from "../routing/request.js";
import { type AskedAddress, askedAddress, hostName, serviceNamed } from "./address.js";
import { explainBytes } from "./bytes.js";
import { explainHost, notRouted } from "./host.js";
import { summaryOf } from "./summary.js";
import type { WayAnswer } from "./way.js";
import type { ExplainedWorld } from "./world.js";

/** A request that has not been sent. */
export interface ExplainedRequest {
  readonly method: string;
  /** As `askedAddress` takes it. */
  readonly url: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The explanation for one caller's proxy. */
export type CallerExplanation = Omit<Explanation, "otherCallers" | "silent">;

/** What steps and outcomes there are. */
export interface Walked {
  readonly steps: readonly ExplainedStep[];
  readonly ways: readonly WayAnswer["way"][];
  readonly outcomes: readonly ExplainedOutcome[];
}

/** Explains a request; a text that says what to write where its address cannot be used. */
export function explainRequest(world: ExplainedWorld, asked: ExplainedRequest): CallerExplanation | string {
  const address = askedAddress(asked.url);
  if (typeof address === "string") return address;
  const { node, instance, region, zone } = world.caller;
  const request: RoutedRequest = { method: asked.method, host: address.host, path: address.path, headers: asked.headers };
  const { steps, ways, outcomes } = walk(world, address, request);
  const sorted = merged(outcomes);
  const services = [...new Set(ways.map(({ service }) => service))];
  return {
    request: { method: asked.method, url: asked.url, host: address.host, path: address.path, headers: asked.headers },
    caller: { service: node.service, instance, region, zone, kind: node.kind },
    summary: summaryOf(sorted),
    steps: [...steps],
    ways: [...ways],
    outcomes: sorted,
    notes: services.flatMap((service) => limitNotes(world, service)),
  };
}

function walk(world: ExplainedWorld, address: AskedAddress, request: RoutedRequest): Walked {
  const { node } = world.caller;
  const port = localPortFor(world, address);
  const service = serviceNamed(address.host);
  if (node.kind === "grpc") {
    const config = routesOf(world, service);
    const step = listener(service, `a gRPC application without an Envoy: it knows ${service} as xds:///${service}`);
    return config ? through(world, step, config, request) : refused(undeclared(world, service, step));
  }
  if (node.kind !== "sidecar") return refused({ ...listener("none", `a node of kind ${node.kind} gets no configuration`), at: "caller" });
  if (port) {
    const name = localPortName(port);
    const step = listener(name, `the local port ${port.host}:${port.port} of dependency ${port.service}`);
    const config = routesOf(world, name);
    if (config) return through(world, step, config, request);
    const bytes = world.resource(typeUrl(ListenerSchema), name);
    return bytes ? explainBytes(world, step, port, bytes) : refused(step);
  }
  if (address.scheme === "tcp") return refused(undeclared(world, service, listener("none", "no local port")));
  const config = routesOf(world, outbound);
  const step = listener(outbound, `the outbound listener at ${node.outbound}`);
  if (!config || !world.resource(typeUrl(ListenerSchema), outbound))
    return refused({ ...step, text: `no outbound listener: outbound is ${node.outbound}, and it has to be an IP address and a port` });
  return through(world, step, config, { ...request, host: hostName(request.host) });
}

function routesOf(world: ExplainedWorld, name: string) {
  const found = world.resource(typeUrl(RouteConfigurationSchema), name);
  return found && fromBinary(RouteConfigurationSchema, found.bytes);
}

function through(
  world: ExplainedWorld,
  step: ExplainedStep,
  config: NonNullable<ReturnType<typeof routesOf>>,
  request: RoutedRequest,
): Walked {
  const host = virtualHostFor(config.virtualHosts, request.host);
  const walked = host ? explainHost(world, host, request) : notRouted(request, `no virtual host is for ${request.host}`);
  return { ...walked, steps: [step, ...walked.steps] };
}

function localPortFor({ caller: { node } }: ExplainedWorld, { scheme, host }: AskedAddress): LocalPort | undefined {
  const { ports } = localPorts(node);
  const port = Number(/:(\d+)$/.exec(host)?.[1] ?? 0);
  const here = (at: LocalPort) => [at.host, "localhost"].includes(hostName(host)) && at.port === port;
  return ports.find((at) => here(at) || (scheme === "tcp" && at.service === serviceNamed(host) && (port === 0 || at.port === port)));
}

function listener(name: string, text: string): ExplainedStep {
  return { at: "listener", name, text, details: [], decidedBy: [{ source: "caller" }] };
}

/** Nobody listens for it. */
function refused(step: ExplainedStep): Walked {
  return { steps: [step], ways: [], outcomes: [{ share: 1, by: "caller-proxy", status: 0, flags: [], why: step.text }] };
}

function undeclared({ caller: { node } }: ExplainedWorld, service: string, step: ExplainedStep): ExplainedStep {
  const declared = node.dependencies.some(({ name }) => name === service);
  const word = node.kind === "grpc" ? service : `{name: ${service}, localPort: 15432}`;
  const text = declared
    ? `${service} has no local port at ${node.service}: write dependencies: [${word}] in its configuration`
    : `${service} is no declared dependency of ${node.service}: add it to dependencies in its configuration: [${word}]`;
  return { ...step, text };
}

function limitNotes(world: ExplainedWorld, service: string): readonly string[] {
  return world
    .breakers(service)
    .filter(({ address, state }) => address === undefined && state === "open")
    .map(
      ({ cause, since }) =>
        `${world.caller.instance} exceeds ${cause} towards ${service} since ${since}: some requests are answered 503 (UO)`,
    );
}

/** Equal outcomes as one, the most likely first. */
function merged(outcomes: readonly ExplainedOutcome[]): ExplainedOutcome[] {
  const found = new Map<string, ExplainedOutcome>();
  for (const { share, ...rest } of outcomes) {
    const key = JSON.stringify(rest);
    found.set(key, { ...rest, share: share + (found.get(key)?.share ?? 0) });
  }
  return [...found.values()].filter(({ share }) => share > 1e-9).sort((a, b) => b.share - a.share);
}
