/** `GET /services`, `GET /services/{name}`: the registry, with what becomes of each instance and why. */
import { decodeMeta, type IdentityMode, instanceKey, type Protocol, type ReportedHealth, type TlsState } from "@legation/contract";
import {
  type CatalogService,
  type Endpoint,
  type EndpointHealth,
  endpointOf,
  endpointsOf,
  fullShare,
  type Instance,
  type Omission,
  type Problem,
} from "@legation/mesh";
import type { FastifyInstance } from "fastify";
import type { ReceivedReport } from "../channel/reports.js";
import { type BreakerView, closedBreaker, type ServiceBreakers } from "../figures/breakers.js";
import { listing, readNamedService, writeNamedService } from "../security/right.js";
import { sendProblem } from "./problem.js";
import { enclosed, sendSliced } from "./sliced.js";

/** A service as the API shows it. */
export interface ServiceView {
  readonly name: string;
  readonly protocol: Protocol;
  /** How connections to it are made; absent until the policies are known. */
  readonly mode?: IdentityMode;
  readonly tags: readonly string[];
  readonly versions: readonly string[];
  readonly dependencies: readonly string[];
  /** The worst that one of its callers sees: all instances ejected or a limit exceeded is open. */
  readonly breaker: BreakerView;
  /** Instances by what they are in the proxies; `omitted` are in none. */
  readonly endpoints: Readonly<Record<"healthy" | "degraded" | "unhealthy" | "draining" | "omitted", number>>;
  readonly instances: readonly InstanceView[];
  /** What is wrong with the service's registration, in sentences. */
  readonly problems: readonly Problem[];
}

/** An instance as the API shows it. */
export interface InstanceView {
  readonly node: string;
  readonly id: string;
  /** `host:port` of the application. */
  readonly address: string;
  /** `host:port` that callers inside the mesh use; the application's own without an agent. */
  readonly meshAddress: string;
  readonly health: EndpointHealth | "OMITTED";
  readonly weight: number;
  /** Percent of its weight that it keeps under `health_based`, by how it answers beside the others. */
  readonly share: number;
  /** As its callers see it: open while one has it ejected, half-open while one tries it again. */
  readonly breaker: BreakerView;
  /** Why the endpoint has this health. */
  readonly reason: string;
  readonly version?: string;
  readonly zone?: string;
  /** What its registration says of mutual TLS; absent where it takes none. */
  readonly tls?: TlsState;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly checks: Instance["checks"];
  /** Its agent's last report, when it reports to this replica. */
  readonly agent?: AgentView;
}

/** An agent's last report as the API shows it. */
export interface AgentView {
  readonly state: string;
  readonly restartCount: number;
  readonly lastRestart?: string;
  readonly lastError?: string;
  /** What its checks found, and how much of the time the service was up. */
  readonly health?: ReportedHealth;
  readonly agentVersion: string;
  readonly admin: string;
  /** RFC 3339. */
  readonly reportedAt: string;
  /** It has said nothing for three of its intervals. */
  readonly silent: boolean;
}

/** What the routes read. */
export interface ServiceSource {
  /** In the order of their names. */
  services(): readonly CatalogService[];
  service(name: string): CatalogService | undefined;
  problems(name: string): readonly Problem[];
  /** Undefined until the policies are known. */
  identity(name: string): { readonly mode: IdentityMode } | undefined;
  report(instance: string): ReceivedReport | undefined;
  breakers(service: CatalogService): ServiceBreakers;
}

const query = {
  type: "object",
  properties: { tag: { type: "array", maxItems: 16, items: { type: "string", maxLength: 256 } } },
} as const;

/**
 * Adds the routes; the list holds what the caller may read. `?tag=` (repeatable) keeps only the instances that carry every tag named. `POST /v1/services/{name}/release` believes
 * at once that instances which vanished in a crowd are gone.
 */
export function addServiceRoutes(app: FastifyInstance, source: ServiceSource, release: (service: string) => void): void {
  app.get<{ Querystring: { tag?: string[] } }>(
    "/services",
    { schema: { querystring: query }, config: { right: listing } },
    async (request, reply) => {
      const tags = request.query.tag ?? [];
      const chosen = source.services().filter((service) => tags.length === 0 || carrying(service, tags).length > 0);
      const may = await request.access.readable(chosen.map(({ name }) => name));
      const shown = chosen.filter(({ name }) => may.has(name));
      const entry = (service: CatalogService) => `${JSON.stringify(service.name)}:${JSON.stringify(serviceView(service, source, tags))}`;
      return sendSliced(reply, enclosed(`{"total":${shown.length},"services":{`, shown, entry, "}}"));
    },
  );

  app.get<{ Params: { name: string }; Querystring: { tag?: string[] } }>(
    "/services/:name",
    { schema: { querystring: query }, config: { right: readNamedService } },
    (request, reply) => {
      const service = source.service(request.params.name);
      if (service) return serviceView(service, source, request.query.tag ?? []);
      return sendProblem(reply, 404, "service.unknown", `the registry has no service ${JSON.stringify(request.params.name)}`);
    },
  );

  app.post<{ Params: { name: string } }>("/v1/services/:name/release", { config: { right: writeNamedService } }, (request, reply) => {
    const { name } = request.params;
    if (!source.service(name)) return sendProblem(reply, 404, "service.unknown", `the registry has no service ${JSON.stringify(name)}`);
    release(name);
    return reply.code(202).send({ accepted: true });
  });
}

/** The view of one service, with only the instances that carry all `tags`. */
export function serviceView(service: CatalogService, source: ServiceSource, tags: readonly string[] = []): ServiceView {
  const chosen = carrying(service, tags);
  const endpoints = endpointsOf(service);
  const breakers = source.breakers(service);
  const instances = chosen.map((instance) => {
    const key = instanceKey(instance.node, instance.id);
    const breaker = breakers.instances.get(key) ?? closedBreaker;
    return instanceView(instance, endpoints.get(instance) ?? endpointOf(instance), breaker, source.report(key));
  });
  const metas = chosen.map((instance) => decodeMeta(instance.meta));
  const count = (health: InstanceView["health"]) => instances.filter((view) => view.health === health).length;
  const mode = source.identity(service.name)?.mode;
  return {
    name: service.name,
    protocol: metas[0]?.protocol ?? "http",
    ...(mode ? { mode } : {}),
    tags: distinct(chosen.flatMap((instance) => instance.tags)),
    versions: distinct(metas.flatMap((meta) => meta.version ?? [])),
    dependencies: distinct(metas.flatMap((meta) => meta.dependencies.map((d) => (d.optional ? `${d.name}?` : d.name)))),
    breaker: breakers.service,
    endpoints: {
      healthy: count("HEALTHY"),
      degraded: count("DEGRADED"),
      unhealthy: count("UNHEALTHY"),
      draining: count("DRAINING"),
      omitted: count("OMITTED"),
    },
    instances,
    problems: source.problems(service.name),
  };
}

function carrying(service: CatalogService, tags: readonly string[]): readonly Instance[] {
  return service.instances.filter((instance) => tags.every((tag) => instance.tags.includes(tag)));
}

function distinct(words: readonly string[]): string[] {
  return [...new Set(words)].sort();
}

function instanceView(
  instance: Instance,
  endpoint: Endpoint | Omission,
  breaker: BreakerView,
  report: ReceivedReport | undefined,
): InstanceView {
  const { version, zone, tls } = decodeMeta(instance.meta);
  const address = hostPort(instance.address, instance.port);
  return {
    node: instance.node,
    id: instance.id,
    address,
    meshAddress: instance.mesh ? hostPort(instance.mesh.address, instance.mesh.port) : address,
    health: endpoint.omitted ? "OMITTED" : endpoint.health,
    weight: endpoint.omitted ? 0 : endpoint.weight,
    share: (100 * (instance.share ?? fullShare)) / fullShare,
    breaker,
    reason: endpoint.reason,
    ...(version ? { version } : {}),
    ...(zone ? { zone } : {}),
    ...(tls ? { tls } : {}),
    tags: instance.tags,
    meta: instance.meta,
    checks: instance.checks,
    ...(report ? { agent: agentView(report) } : {}),
  };
}

function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function agentView({ report, receivedAt, silent }: ReceivedReport): AgentView {
  const { state, restartCount, lastRestart, lastError, health, agentVersion, admin } = report;
  return {
    state,
    restartCount,
    ...(lastRestart ? { lastRestart } : {}),
    ...(lastError ? { lastError } : {}),
    ...(health ? { health } : {}),
    agentVersion,
    admin,
    reportedAt: new Date(receivedAt).toISOString(),
    silent,
  };
}
