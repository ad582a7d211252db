/** The agent's own HTTP API, for people and orchestrators on this machine. */
import { splitAddress } from "@legation/contract";
import { LegationError, listenError, type Registry } from "@legation/runtime";
import Fastify, { type FastifyInstance } from "fastify";
import { isLoopback } from "../config/rules.js";
import type { CheckNowReport } from "../health/health-status.js";
import type { StepReport } from "../leave/step.js";
import type { AgentStatus } from "../status.js";

/** What the API shows and does. */
export interface AdminParts {
  readonly status: () => AgentStatus;
  /** The configuration as `--print-config` writes it. */
  readonly config: () => string;
  /** Steps 1–4 of the stop order; resolves to what was done. */
  readonly drain: () => Promise<readonly StepReport[]>;
  readonly undrain: () => Promise<void>;
  /** Why not, or undefined when a restart is under way. */
  readonly restart: (force: boolean) => string | undefined;
  readonly checkNow: () => Promise<CheckNowReport>;
  readonly metrics: Registry;
}

/** A listening API. */
export interface AdminServer {
  close(): Promise<void>;
}

/** Listens on a loopback address. Throws LegationError "process.listen" when it is taken. */
export async function startAdminServer(address: string, parts: AdminParts): Promise<AdminServer> {
  const at = splitAddress(address);
  if (!at) throw new LegationError("config", `${JSON.stringify(address)} is not host:port`);
  const server = routes(parts);
  try {
    await server.listen({ host: at.host, port: at.port });
  } catch (error) {
    throw listenError(error, { address, what: "the agent's API", flag: "--admin-addr" });
  }
  return {
    async close() {
      server.server.closeAllConnections();
      await server.close();
    },
  };
}

/** The routes, without a socket. */
export function routes(parts: AdminParts): FastifyInstance {
  const server = Fastify({ logger: false, forceCloseConnections: true });
  // A web page on this machine must not reach the API: browsers send an Origin, or a Host that was made to resolve to loopback.
  server.addHook("onRequest", async (request, reply) => {
    const host = request.headers.host ?? "";
    if (request.headers.origin !== undefined || !isLoopback(host.replace(/:\d+$/, "")))
      await reply.code(403).send({ success: false, message: "this API is for programs on this machine: call it by its loopback address" });
  });
  server.get("/health", async (_request, reply) => {
    const { state, reason, serving, health } = parts.status();
    const body = { status: serving ? "ok" : "unavailable", state, reason, health: health.level, message: health.message };
    return await reply.code(serving ? 200 : 503).send(body);
  });
  server.get("/status", async () => parts.status());
  server.get("/config", async (_request, reply) => await reply.type("text/yaml").send(parts.config()));
  server.post("/drain", async () => ({ success: true, steps: await parts.drain() }));
  server.post("/undrain", async () => {
    await parts.undrain();
    return { success: true };
  });
  server.post<{ Body?: { force?: unknown } | null }>("/restart", async (request, reply) => {
    const problem = parts.restart(request.body?.force === true);
    const { service, state, restartCount } = parts.status();
    const message = problem ?? "the restart is under way";
    return await reply
      .code(problem ? 409 : 202)
      .send({ success: problem === undefined, service, status: state, restart_count: restartCount, message });
  });
  server.post("/check-now", async () => await parts.checkNow());
  server.get("/metrics", async (_request, reply) => await reply.type(parts.metrics.contentType).send(await parts.metrics.metrics()));
  return server;
}
