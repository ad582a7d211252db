/** The paths of the agent's API: what an instance shows, and what can be asked of it. */
import { codeOf, LegationError, messageOf } from "@legation/runtime";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { CheckNowReport } from "../health/health-status.js";
import type { MetricsSource } from "../metrics-page.js";
import type { Reloaded } from "../reload.js";
import type { RestartAnswer } from "../restart.js";
import type { AgentStatus } from "../status.js";
import type { Drained } from "../traffic.js";
import type { EventBook } from "./event-book.js";
import { addEventRoute } from "./event-route.js";

/** What the API shows and does. */
export interface AdminParts {
  readonly status: () => AgentStatus;
  /** Whether the callers have the instance, and why not. */
  readonly ready: () => { readonly ready: boolean; readonly reason: string };
  /** The configuration as `--print-config` writes it. */
  readonly config: () => string;
  readonly drain: () => Promise<Drained>;
  /** Back into service; resolves to what the callers' proxies have acknowledged. Rejects with a LegationError while it is in maintenance. */
  readonly undrain: () => Promise<string>;
  readonly restart: (force: boolean) => RestartAnswer;
  readonly maintain: (reason: string) => Promise<Drained>;
  readonly endMaintenance: () => Promise<string>;
  readonly checkNow: () => Promise<CheckNowReport>;
  /** Reads the configuration again; undefined where that is not this instance's own business. */
  readonly reload: () => Reloaded | undefined;
  readonly metrics: MetricsSource;
  readonly events: EventBook;
}

const wait = { type: "boolean" } as const;
const body = (properties: Record<string, object>, required: readonly string[] = []) =>
  ({ body: { type: ["object", "null"], additionalProperties: false, properties, required } }) as const;

/** Adds the paths under `/v1`, and without it for the newest version. */
export function addAdminRoutes(server: FastifyInstance, parts: AdminParts): void {
  server.setErrorHandler(async (error, _request, reply) => {
    const status = typeof error === "object" && error !== null && "validation" in error ? 400 : error instanceof LegationError ? 409 : 500;
    await refuse(reply, status, codeOf(error) ?? "admin.failed", messageOf(error));
  });
  server.setNotFoundHandler(async (request, reply) => {
    await refuse(reply, 404, "admin.not-found", `${request.method} ${request.url} is not there. ${paths}`);
  });
  for (const prefix of ["/v1", ""])
    void server.register(
      async (versioned) => {
        addViews(versioned, parts);
        addActions(versioned, parts);
        addEventRoute(versioned, parts.events);
      },
      { prefix },
    );
}

const paths =
  "Paths: GET /v1/live /ready /health /status /events /metrics /config, POST /v1/drain /undrain /restart /maintenance /check-now /reload";

function refuse(reply: FastifyReply, status: number, code: string, message: string): FastifyReply {
  return reply.code(status).send({ success: false, code, message });
}

function addViews(server: FastifyInstance, parts: AdminParts): void {
  server.get("/live", async () => ({ status: "ok" }));
  server.get("/ready", async (_request, reply) => {
    const { ready, reason } = parts.ready();
    return await reply.code(ready ? 200 : 503).send({ status: ready ? "ok" : "unavailable", reason });
  });
  server.get("/health", async (_request, reply) => {
    const { state, reason, serving, health } = parts.status();
    const body = { status: serving ? "ok" : "unavailable", state, reason, health: health.level, message: health.message };
    return await reply.code(serving ? 200 : 503).send(body);
  });
  server.get("/status", async () => parts.status());
  server.get("/config", async (_request, reply) => await reply.type("text/yaml").send(parts.config()));
  server.get("/metrics", async (_request, reply) => await reply.type(parts.metrics.contentType).send(await parts.metrics.metrics()));
}

function addActions(server: FastifyInstance, parts: AdminParts): void {
  /** Waits for the work unless that is not wanted; what fails then is in the log. */
  const answer = async (reply: FastifyReply, waiting: boolean, work: Promise<object>, underWay: string): Promise<FastifyReply> => {
    if (waiting) return await reply.send({ success: true, state: parts.status().state, ...(await work) });
    work.catch(() => undefined);
    return await reply.code(202).send({ success: true, state: parts.status().state, message: underWay });
  };

  server.post<{ Body?: { wait?: boolean } | null }>("/drain", { schema: body({ wait }) }, async (request, reply) =>
    answer(
      reply,
      request.body?.wait !== false,
      parts.drain().then((drained) => ({ ...drained, state: parts.status().state })),
      "the drain is under way",
    ),
  );
  server.post<{ Body?: { wait?: boolean } | null }>("/undrain", { schema: body({ wait }) }, async (request, reply) => {
    const { maintenance } = parts.status();
    const work = parts.undrain().then((message) => ({ message, state: parts.status().state }));
    // What is refused is refused at once, waited for or not.
    if (maintenance !== undefined) await work;
    return await answer(reply, request.body?.wait !== false, work, "it comes back into service");
  });
  server.post<{ Body?: { force?: boolean; wait?: boolean } | null }>(
    "/restart",
    { schema: body({ force: { type: "boolean" }, wait }) },
    async (request, reply) => {
      const asked = parts.restart(request.body?.force === true);
      const said = (status: number, message: string) => {
        const { service, state, restartCount } = parts.status();
        const success = status < 400;
        const code = success ? {} : { code: "restart.refused" };
        return reply.code(status).send({ success, ...code, service, status: state, restart_count: restartCount, message });
      };
      if ("problem" in asked) return await said(409, asked.problem);
      if (request.body?.wait !== true) return await said(202, "the restart is under way");
      return await said(200, await asked.done);
    },
  );
  server.post<{ Body: { enabled: boolean; reason?: string; wait?: boolean } }>(
    "/maintenance",
    {
      schema: body({ enabled: { type: "boolean" }, reason: { type: "string", minLength: 1, maxLength: 256 }, wait }, ["enabled"]),
    },
    async (request, reply) => {
      if (!request.body) return await refuse(reply, 400, "admin.body", 'send {"enabled": true, "reason": "…"} or {"enabled": false}');
      const { enabled, reason = "asked by an operator", wait: waiting = true } = request.body;
      const already = parts.status().maintenance === undefined;
      const work = enabled
        ? parts.maintain(reason).then((drained) => ({ ...drained, maintenance: reason, state: parts.status().state }))
        : parts.endMaintenance().then((message) => ({ message, already, state: parts.status().state }));
      return await answer(reply, waiting, work, enabled ? "it goes into maintenance" : "it comes out of maintenance");
    },
  );
  server.post("/reload", async (_request, reply) => {
    const reloaded = parts.reload();
    if (!reloaded) return await refuse(reply, 409, "agent.reload", "this service is one of many of its agent: send that agent SIGHUP");
    if (!reloaded.ok) return await refuse(reply, 422, "config", reloaded.problem);
    return { success: true, ...reloaded.changes };
  });
  server.post("/check-now", async () => await parts.checkNow());
}
