/** `GET /health` and `GET /api/replicas`: what is live, and how old the data is that the proxies work with, here and at every control plane. */
import { type HealthView, healthView, type ReplicaList, type ReplicaView, replicaList } from "@legation/contract/api";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Gather } from "../replicas/gather.js";
import { addReplicaRoute } from "../replicas/route.js";
import { listing, meshRead, open } from "../security/right.js";
import { addRoute } from "./route.js";

/** Problems that the answer lists. */
export const problemsShown = 100;

/** The path by which control planes ask each other. */
const healthPath = "/v1/agents/health";

/** What the routes read. */
export interface HealthSource {
  /** This replica's name. */
  readonly replica: string;
  /** `host:port` of its HTTP API. */
  readonly address: () => string;
  readonly health: () => HealthView;
  readonly gather: Gather;
}

/** Adds the routes. The first is open to everybody, as load balancers want it; an old state is served on purpose, and so is no failure. */
export function addHealthRoutes(app: FastifyInstance, source: HealthSource): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/health",
      tag: "server",
      summary: "How this control plane stands",
      right: open,
      answers: { 200: healthView, 503: { schema: healthView, description: "It has nothing to serve." } },
    },
    async (request, reply) => {
      const health = await shown(request, source.health());
      return reply.code(health.status === "waiting" ? 503 : 200).send(health);
    },
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/replicas",
      tag: "server",
      summary: "How every control plane stands",
      description: "Control planes that do not answer within two seconds are named in `silent`.",
      right: listing,
      answers: { 200: replicaList },
    },
    async (request): Promise<ReplicaList> => {
      const own = { replica: source.replica, address: source.address(), answering: true, health: source.health() };
      const { answers, silent } = await source.gather({ path: healthPath, body: () => ({ relayed: true }), read: healthOf });
      const others = answers.map(({ replica, address, value }) => ({ replica, address, answering: false, health: value }));
      const replicas = await Promise.all(
        [own, ...others].map(async (one): Promise<ReplicaView> => ({ ...one, health: await shown(request, one.health) })),
      );
      return { replicas: replicas.sort((one, other) => (one.address < other.address ? -1 : 1)), silent };
    },
  );
}

/** Adds the path on which the others are answered. Belongs below the hook of `createBorneOut`. */
export function addReplicaHealthRoute(app: FastifyInstance, source: Pick<HealthSource, "health">): void {
  addReplicaRoute(app, { path: healthPath, summary: "How it stands", properties: {}, answer: () => source.health() });
}

async function shown(request: FastifyRequest, health: HealthView): Promise<HealthView> {
  return (await request.access.mayRead(meshRead)) ? health : { ...health, problems: [] };
}

function healthOf(answer: unknown): HealthView {
  const read = healthView.safeParse(answer);
  if (!read.success) throw new Error("says of its health what this version does not understand");
  return read.data;
}
