/** `GET /health`: what is live, and how old the data is that the proxies work with. */
import type { Problem } from "@legation/mesh";
import type { FastifyInstance } from "fastify";
import { meshRead, open } from "../security/right.js";

/** Where the catalog came from that is being served. */
export type CatalogOrigin = "none" | "disk" | "consul";

/** The body of the answer. Ages are seconds. */
export interface HealthView {
  /** `ok`; `stale`: serves the last good state without Consul; `waiting`: has nothing to serve yet, or policies that it must not pass over (answered with 503). */
  readonly status: "ok" | "stale" | "waiting";
  readonly version: string;
  readonly uptime: number;
  readonly catalog: {
    readonly origin: CatalogOrigin;
    /** Since the last good answer of Consul that the served state rests on; null when there was none. */
    readonly age: number | null;
    readonly lastAnswer: string | null;
    readonly services: number;
    readonly instances: number;
  };
  readonly consul: {
    readonly address: string;
    readonly connected: boolean;
    /** Everything that Consul lists has been read since this start. */
    readonly complete: boolean;
    /** Why not, when it is not connected. */
    readonly error: string | null;
  };
  readonly xds: { readonly address: string; readonly streams: number; readonly rejected: number };
  readonly agents: { readonly reporting: number; readonly listening: number };
  /** What is wrong with registrations and nodes; the first `problemsShown` of `problemCount`, none for who may not read the mesh. */
  readonly problems: readonly Problem[];
  readonly problemCount: number;
}

/** Problems that the answer lists. */
export const problemsShown = 100;

/** Adds the route, which is open to everybody, as load balancers want it. Answers 503 as long as there is nothing to serve, else 200: an old state is served on purpose. */
export function addHealthRoute(app: FastifyInstance, view: () => HealthView): void {
  app.get("/health", { config: { right: open } }, async (request, reply) => {
    const health = view();
    const shown = (await request.access.mayRead(meshRead)) ? health : { ...health, problems: [] };
    return reply.code(health.status === "waiting" ? 503 : 200).send(shown);
  });
}
