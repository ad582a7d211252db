/** The HTTP side of the channel between agents and control plane: packages/contract/src/channel.ts. */
import {
  type AgentReport,
  arrivingPath,
  breakerStates,
  type Command,
  commandsPath,
  envoyPhases,
  healthLevels,
  type IdentityOrder,
  instanceKey,
  leavingPath,
  loadScale,
  type ReportAnswer,
  type RoutingNotice,
  type RoutingReply,
  reportedBreakers,
  reportedCalls,
  reportedCauseLength,
  reportedDenials,
  reportPath,
  routingLimit,
  serviceStates,
  uptimeWindows,
} from "@legation/contract";
import { type Clock, codeOf, messageOf } from "@legation/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendProblem } from "../api/problem.js";
import type { Right } from "../security/right.js";
import type { CommandDirectory } from "./commands.js";
import { type FanOut, superseded } from "./fan-out.js";
import type { IdentityOrders } from "./identity-orders.js";
import type { Reports } from "./reports.js";

/** How often an idle command stream carries a comment, so that both sides notice a dead connection; milliseconds. */
export const commandHeartbeat = 10_000;

/** Command streams open at once, at most. */
export const commandStreams = 20_000;

const word = { type: "string", minLength: 1, maxLength: 256 } as const;
const instance = { node: word, id: word } as const;
const notice = {
  type: "object",
  required: ["node", "id", "service"],
  additionalProperties: false,
  properties: {
    ...instance,
    service: word,
    limitMs: { type: "integer", minimum: 1, maximum: routingLimit.max },
    relayed: { type: "boolean" },
    again: { type: "boolean" },
    tls: { type: "boolean" },
  },
} as const;
const text = { type: "string", maxLength: 2_048 } as const;
const percent = { type: "number", minimum: 0, maximum: 100 } as const;
const health = {
  type: "object",
  required: ["level", "message", "consecutiveFailures", "uptime"],
  additionalProperties: false,
  properties: {
    level: { enum: healthLevels },
    message: text,
    consecutiveFailures: { type: "integer", minimum: 0 },
    lastCheck: { type: "string", maxLength: 64 },
    responseTimeMs: { type: "number", minimum: 0 },
    uptime: {
      type: "object",
      additionalProperties: false,
      properties: Object.fromEntries(uptimeWindows.map((window) => [window, percent])),
    },
  },
} as const;
const count = { type: "integer", minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const report = {
  type: "object",
  required: ["node", "id", "service", "agentVersion", "state", "restartCount", "admin"],
  additionalProperties: false,
  properties: {
    ...instance,
    service: word,
    agentVersion: word,
    state: { enum: serviceStates },
    reason: text,
    since: { type: "string", maxLength: 64 },
    standing: {
      type: "object",
      additionalProperties: false,
      properties: {
        registered: { type: "boolean" },
        registrationProblem: text,
        envoy: {
          type: "object",
          required: ["phase", "reason"],
          additionalProperties: false,
          properties: { phase: { enum: envoyPhases }, reason: text, version: word },
        },
        maintenance: text,
        withheld: text,
      },
    },
    dependencyWaitMs: { type: "number", minimum: 0 },
    restartCount: { type: "integer", minimum: 0 },
    lastRestart: { type: "string", maxLength: 64 },
    lastError: text,
    health,
    denied: {
      type: "array",
      maxItems: reportedDenials,
      items: {
        type: "object",
        required: ["caller", "rule", "count"],
        additionalProperties: false,
        properties: { caller: word, rule: word, count: { type: "integer", minimum: 1, maximum: 1_000_000_000 } },
      },
    },
    answers: {
      type: "object",
      required: ["requests", "failures"],
      additionalProperties: false,
      properties: { requests: count, failures: count },
    },
    load: {
      type: "object",
      required: ["latency", "errors", "idle"],
      additionalProperties: false,
      properties: {
        latency: { type: "integer", minimum: 0, maximum: loadScale.latency },
        errors: { type: "integer", minimum: 0, maximum: loadScale.errorRates.length },
        idle: { type: "integer", minimum: 0, maximum: loadScale.idle },
      },
    },
    breakers: {
      type: "array",
      maxItems: reportedBreakers,
      items: {
        type: "object",
        required: ["service", "state", "cause", "since"],
        additionalProperties: false,
        properties: {
          service: word,
          address: word,
          state: { enum: breakerStates },
          cause: { type: "string", maxLength: reportedCauseLength },
          since: { type: "string", maxLength: 64 },
        },
      },
    },
    calls: {
      type: "array",
      maxItems: reportedCalls,
      items: { type: "object", required: ["service", "count"], additionalProperties: false, properties: { service: word, count } },
    },
    admin: { type: "string", maxLength: 256 },
  },
} as const;

type Named = Pick<RoutingNotice, "node" | "id"> & Partial<Pick<RoutingNotice, "service" | "relayed" | "again" | "tls">>;

/** Whether an instance takes requests, as far as this replica knows. */
type Serves = (instance: Pick<RoutingNotice, "service" | "node" | "id">) => boolean;

/** The agent of the instance that the body or the query names; a change unless it only reports, listens, asks, or says again what holds. */
function agentRight(change: boolean, serves: Serves): Right {
  const named = ({ body, query }: FastifyRequest) => (body ?? query) as Named;
  return {
    kind: "agent",
    needs: "the certificate of the instance's service, or `service:write` on it",
    change(request) {
      const { relayed, again, tls, ...instance } = named(request);
      return change && !relayed && !tls && !(again && !serves({ service: "", ...instance }));
    },
    claim(request) {
      const { node, id, service, relayed } = named(request);
      return { node, id, service, relayed: relayed ?? false };
    },
  };
}

function answerTo({ breakers = [] }: AgentReport, successThreshold: (service: string) => number): ReportAnswer {
  if (breakers.length === 0) return { accepted: true };
  const successThresholds = Object.fromEntries(breakers.map(({ service }) => [service, successThreshold(service)]));
  return { accepted: true, successThresholds };
}

/** Adds the paths. `serves` says whether a notice of leaving is news. `routing` carries a notice out and answers when the proxies have acknowledged it; it ends early when its signal aborts. */
export function addChannelRoutes(
  app: FastifyInstance,
  o: {
    reports: Reports;
    commands: CommandDirectory;
    orders: IdentityOrders;
    routing: FanOut["answer"];
    serves: Serves;
    /** Successes that close a breaker of the service that is half-open. */
    successThreshold: (service: string) => number;
    clock: Clock;
  },
): void {
  const reading = agentRight(false, o.serves);
  app.post<{ Body: AgentReport }>(reportPath, { schema: { body: report }, config: { right: reading } }, (request, reply) => {
    o.reports.add(request.body);
    return reply.code(202).send(answerTo(request.body, o.successThreshold));
  });

  const moving = { schema: { body: notice }, config: { right: agentRight(true, o.serves) } };
  for (const [path, direction] of [
    [leavingPath, "leaving"],
    [arrivingPath, "arriving"],
  ] as const)
    app.post<{ Body: RoutingNotice }>(path, moving, async (request, reply): Promise<RoutingReply | FastifyReply> => {
      const asked = new AbortController();
      reply.raw.once("close", () => asked.abort(new Error("nobody waits for the answer any more")));
      try {
        const asks = direction === "arriving" && request.body.tls ? "tls" : direction;
        return await o.routing(asks, request.body, asked.signal);
      } catch (error) {
        if (asked.signal.aborted) return reply.hijack();
        if (codeOf(error) !== superseded) throw error;
        return sendProblem(reply, 409, superseded, messageOf(error));
      }
    });

  let open = 0;
  const listened = { type: "object", required: ["node", "id"], properties: { ...instance, service: word } } as const;
  app.get<{ Querystring: { node: string; id: string; service?: string } }>(
    commandsPath,
    // A HEAD would take the place of the instance's stream.
    { exposeHeadRoute: false, schema: { querystring: listened }, config: { right: reading } },
    (request, reply) => {
      if (open >= commandStreams)
        return sendProblem(reply, 429, "channel.full", `this replica holds ${commandStreams} agents already; use another one`);
      open++;
      reply.hijack();
      const { raw } = reply;
      raw.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      raw.write(": open\n\n");
      let heartbeat = o.clock.timeout(commandHeartbeat, beat);
      function beat(): void {
        // What nobody reads must not pile up here: the agent connects again when it lives.
        if (raw.writableNeedDrain) return void raw.destroy();
        raw.write(": still here\n\n");
        heartbeat = o.clock.timeout(commandHeartbeat, beat);
      }
      const ended = o.commands.listen(instanceKey(request.query.node, request.query.id), {
        command: (command: Command) => raw.write(`id: ${command.id}\nevent: command\ndata: ${JSON.stringify(command)}\n\n`),
        closed: () => raw.end(),
      });
      const { service } = request.query;
      const tell = (order: IdentityOrder) => raw.write(`event: identity\ndata: ${JSON.stringify(order)}\n\n`);
      const unfollowed = service === undefined ? undefined : o.orders.follow(service, tell);
      raw.on("error", () => raw.destroy());
      raw.once("close", () => {
        open--;
        heartbeat.cancel();
        ended();
        unfollowed?.();
      });
      return reply;
    },
  );
}
