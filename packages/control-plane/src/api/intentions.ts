/** `GET /api/intentions` and `/api/intentions/check`: who may call whom, and what would become of one call, and why. */
import type { Protocol } from "@legation/contract";
import {
  type IntentionCheck,
  type IntentionQuery,
  type IntentionView,
  intentionCheck,
  intentionList,
  intentionQuery,
} from "@legation/contract/api";
import {
  type CatalogService,
  decide,
  defaultNamespace,
  type Intention,
  intentionName,
  type KnownIntentions,
  precedence,
  protocolOf,
  type ServiceIdentityPolicy,
  wildcard,
} from "@legation/mesh";
import type { FastifyInstance } from "fastify";
import { listing, type Right } from "../security/right.js";
import { sendProblem } from "./problem.js";
import { addRoute } from "./route.js";

/** What the routes read. */
export interface IntentionReader {
  /** Undefined while Consul has never said. */
  intentions(): KnownIntentions | undefined;
  service(name: string): CatalogService | undefined;
  /** What is done with the answer; undefined while policies are unknown. */
  identity(service: string): ServiceIdentityPolicy | undefined;
}

/** `service:read` on the callee, as Consul's own check asks for. */
const readCallee: Right = {
  kind: "rules",
  needs: "`service:read` on the callee",
  change: false,
  rules: (request) => [{ resource: "service", name: String((request.query as { to?: unknown }).to ?? ""), access: "read" }],
};

/** Adds the routes. */
export function addIntentionRoutes(app: FastifyInstance, source: IntentionReader): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/intentions",
      tag: "intentions",
      summary: "All intentions, and what holds where none speaks",
      description: "Those whose destination the caller may read.",
      right: listing,
      answers: { 200: intentionList },
    },
    async (request, reply) => {
      const known = source.intentions();
      if (!known) return sendProblem(reply, 503, "intentions.unknown", unknown);
      const may = await request.access.readable(known.intentions.map(({ destination }) => destination.name));
      const shown = known.intentions.filter(({ destination }) => destination.name === wildcard || may.has(destination.name));
      return { default: known.byDefault ?? null, intentions: shown.map(viewOf).sort((a, b) => b.precedence - a.precedence) };
    },
  );

  addRoute(
    app,
    {
      method: "GET",
      path: "/api/intentions/check",
      tag: "intentions",
      summary: "What would become of a call, and why",
      description: "Without `path`, `method` and `header` the call is one without a request, as Consul's own check takes it.",
      right: readCallee,
      query: intentionQuery,
      answers: { 200: intentionCheck },
    },
    (request, reply) => {
      const known = source.intentions();
      if (!known) return sendProblem(reply, 503, "intentions.unknown", unknown);
      if (!known.byDefault) return sendProblem(reply, 503, "intentions.default-unknown", defaultUnknown);
      const { from, to } = request.query;
      const instances = source.service(to)?.instances ?? [];
      const call = { from: named(from), to: named(to), ...requestOf(request.query, protocolOf(instances).protocol) };
      const { verdict, rule, reason } = decide(known.intentions, known.byDefault, call);
      const check: IntentionCheck = { from, to, verdict, rule, reason, authorization: source.identity(to)?.authorization ?? "off" };
      return check;
    },
  );
}

const unknown =
  'Consul\'s intentions are not known: the control plane\'s log says why; its token needs service_prefix "" { policy = "read" intentions = "read" }';
const defaultUnknown =
  "Consul does not say what becomes of a call that no intention speaks of: give the control plane's token agent:read, or the control plane --default-intention";

function named(name: string) {
  return { namespace: defaultNamespace, name };
}

function requestOf({ path, method, header }: IntentionQuery, protocol: Protocol) {
  if (protocol === "tcp" || (path === undefined && method === undefined && header === undefined)) return {};
  const headers = Object.fromEntries(
    (header ?? []).map((line) => {
      const end = line.indexOf(":");
      return [line.slice(0, end).toLowerCase(), line.slice(end + 1).trim()];
    }),
  );
  return { request: { path: path ?? "/", method: (method ?? "GET").toUpperCase(), headers } };
}

function viewOf(intention: Intention): IntentionView {
  const { source, destination, rule, flaw } = intention;
  return {
    name: intentionName(intention),
    source: source.name,
    destination: destination.name,
    precedence: precedence(intention),
    rule,
    ...(flaw === undefined ? {} : { flaw }),
  };
}
