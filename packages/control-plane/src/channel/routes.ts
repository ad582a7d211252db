/** The HTTP side of the channel between agents and control plane: packages/contract/src/channel.ts. */
import {
  type AgentReport,
  arrivingPath,
  type Command,
  commandsPath,
  type IdentityOrder,
  instanceKey,
  leavingPath,
  type ReportAnswer,
  type RoutingNotice,
  reportPath,
} from "@legation/contract";
import { agentReport, listenQuery, reportAnswer, routingNotice, routingReply } from "@legation/contract/api";
import { type Clock, codeOf, messageOf } from "@legation/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { sendLeft, sendProblem } from "../api/problem.js";
import { addRoute } from "../api/route.js";
import type { Right } from "../security/right.js";
import type { CommandDirectory } from "./commands.js";
import { type FanOut, superseded } from "./fan-out.js";
import type { IdentityOrders } from "./identity-orders.js";
import type { Reports } from "./reports.js";

/** How often an idle command stream carries a comment, so that both sides notice a dead connection; milliseconds. */
export const commandHeartbeat = 10_000;

/** Command streams open at once, at most. */
export const commandStreams = 20_000;

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
  addRoute(
    app,
    {
      method: "POST",
      path: reportPath,
      tag: "channel",
      summary: "What an agent tells of its service",
      right: reading,
      body: agentReport,
      answers: { 202: reportAnswer },
    },
    (request, reply) => {
      o.reports.add(request.body);
      return reply.code(202).send(answerTo(request.body, o.successThreshold));
    },
  );

  const moving = agentRight(true, o.serves);
  for (const [path, direction, summary] of [
    [leavingPath, "leaving", "An instance leaves; answered when no proxy sends it new requests"],
    [arrivingPath, "arriving", "An instance serves; answered when its callers' proxies have it"],
  ] as const)
    addRoute(
      app,
      {
        method: "POST",
        path,
        tag: "channel",
        summary,
        right: moving,
        body: routingNotice,
        answers: { 200: routingReply },
        problems: { 409: "A later notice says something else of the instance." },
      },
      async (request, reply) => {
        const asked = new AbortController();
        reply.raw.once("close", () => asked.abort(new Error("nobody waits for the answer any more")));
        try {
          const asks = direction === "arriving" && request.body.tls ? "tls" : direction;
          return await o.routing(asks, request.body, asked.signal);
        } catch (error) {
          // The audit is told all the same.
          if (asked.signal.aborted) return sendLeft(reply);
          if (codeOf(error) !== superseded) throw error;
          return sendProblem(reply, 409, superseded, messageOf(error));
        }
      },
    );

  let open = 0;
  addRoute(
    app,
    {
      method: "GET",
      path: commandsPath,
      tag: "channel",
      summary: "The orders to an agent, as they come",
      description: "Server-sent events `command` and, where the service is named, `identity`. It stays open.",
      right: reading,
      query: listenQuery,
      answers: { 200: { mediaType: "text/event-stream", description: "A stream that does not end by itself." } },
      // A HEAD would take the place of the instance's stream.
      headless: true,
    },
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
