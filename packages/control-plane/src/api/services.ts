/** `GET /services`, `GET /services/{name}`: the registry, with what becomes of each instance and why. */
import { decodeMeta, type IdentityMode, instanceKey } from "@legation/contract";
import { type AgentView, type InstanceView, releaseAnswer, type ServiceView, serviceList, serviceView } from "@legation/contract/api";
import {
  type CatalogService,
  type Endpoint,
  endpointOf,
  endpointsOf,
  fullShare,
  type Instance,
  type Omission,
  type Problem,
} from "@legation/mesh";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { closedBreaker, type ServiceBreakers } from "../figures/breakers.js";
import { listing, readNamedService, writeNamedService } from "../security/right.js";
import type { SharedReport } from "../status/shared-reports.js";
import { pageOf, pageQuery } from "./page.js";
import { sendProblem } from "./problem.js";
import { addRoute } from "./route.js";
import { enclosed, sendSliced } from "./sliced.js";

/** What the routes read. */
export interface ServiceSource {
  /** In the order of their names. */
  services(): readonly CatalogService[];
  service(name: string): CatalogService | undefined;
  problems(name: string): readonly Problem[];
  /** Undefined until the policies are known. */
  identity(name: string): { readonly mode: IdentityMode } | undefined;
  /** Of the instance's agent, at whichever control plane it reports, as of the last `refresh`. */
  report(instance: string): SharedReport | undefined;
  /** Asks the other control planes for reports that are new; resolves to those that are silent, each with the reason. */
  refresh(): Promise<readonly string[]>;
  breakers(service: CatalogService): ServiceBreakers;
}

const params = z.strictObject({ name: z.string().min(1).max(256).describe("The service, by its name in Consul.") });
const filter = {
  tag: z.array(z.string().max(256)).max(16).optional().describe("Only instances that carry this tag; given several times, all of them."),
};
const query = z.strictObject(filter);
const listQuery = z.strictObject({ ...filter, ...pageQuery });

/**
 * Adds the routes; the list holds what the caller may read. `?tag=` (repeatable) keeps only the instances that carry every tag named.
 */
export function addServiceRoutes(app: FastifyInstance, source: ServiceSource, release: (service: string) => void): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/services",
      tag: "services",
      summary: "All services, with what becomes of each instance and why",
      right: listing,
      query: listQuery,
      answers: { 200: serviceList },
    },
    async (request, reply) => {
      const tags = request.query.tag ?? [];
      const silent = await source.refresh();
      const chosen = source.services().filter((service) => tags.length === 0 || carrying(service, tags).length > 0);
      const may = await request.access.readable(chosen.map(({ name }) => name));
      const shown = chosen.filter(({ name }) => may.has(name));
      const { entries, nextCursor } = pageOf(request, reply, shown, ({ name }) => name);
      const head = JSON.stringify({ total: shown.length, nextCursor, silent }).slice(0, -1);
      const entry = (service: CatalogService) => `${JSON.stringify(service.name)}:${JSON.stringify(viewOf(service, source, tags))}`;
      return sendSliced(reply, enclosed(`${head},"services":{`, entries, entry, "}}"));
    },
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/services/:name",
      tag: "services",
      summary: "One service",
      right: readNamedService,
      params,
      query,
      answers: { 200: serviceView },
      problems: { 404: "The registry has no such service." },
    },
    async (request, reply) => {
      const service = source.service(request.params.name);
      if (service) await source.refresh();
      if (service) return viewOf(service, source, request.query.tag ?? []);
      return sendProblem(reply, 404, "service.unknown", `the registry has no service ${JSON.stringify(request.params.name)}`);
    },
  );

  addRoute(
    app,
    {
      method: "POST",
      path: "/api/services/:name/release",
      tag: "services",
      summary: "Believe that vanished instances are gone",
      description:
        "Instances of a service that vanished in a crowd are held for a while, lest a fault of the registry empty the mesh. This gives them up at once.",
      right: writeNamedService,
      params,
      answers: { 202: releaseAnswer },
      problems: { 404: "The registry has no such service." },
    },
    ({ params: { name } }, reply) => {
      if (!source.service(name)) return sendProblem(reply, 404, "service.unknown", `the registry has no service ${JSON.stringify(name)}`);
      release(name);
      return reply.code(202).send({ accepted: true });
    },
  );
}

/** The view of one service, with only the instances that carry all `tags`. */
export function viewOf(service: CatalogService, source: ServiceSource, tags: readonly string[] = []): ServiceView {
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
  breaker: InstanceView["breaker"],
  report: SharedReport | undefined,
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

function agentView({ report, receivedAt, silent }: SharedReport): AgentView {
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
