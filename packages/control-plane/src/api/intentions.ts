/** `GET /api/intentions` and `/api/intentions/check`: who may call whom, and what would become of one call, and why. */
import type { Protocol } from "@legation/contract";
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

/** What the routes read. */
export interface IntentionReader {
  /** Undefined while Consul has never said. */
  intentions(): KnownIntentions | undefined;
  service(name: string): CatalogService | undefined;
  /** What is done with the answer; undefined while policies are unknown. */
  identity(service: string): ServiceIdentityPolicy | undefined;
}

/** An intention as the API shows it. */
export interface IntentionView {
  readonly name: string;
  readonly source: string;
  readonly destination: string;
  readonly precedence: number;
  /** `allow`, `deny`, or the permissions in the order in which they are asked. */
  readonly rule: Intention["rule"];
  /** Why it denies everything, whatever its rule says. */
  readonly flaw?: string;
}

/** What would become of a call. */
export interface IntentionCheck {
  readonly from: string;
  readonly to: string;
  readonly verdict: "allow" | "deny";
  /** The rule as access logs and refusals name it. */
  readonly rule: string;
  readonly reason: string;
  /** What the destination's proxies do with it. Callers in plain text have no name and are let through where that is answered. */
  readonly authorization: "enforce" | "shadow" | "off";
}

interface CheckQuery {
  readonly from?: string;
  readonly to?: string;
  readonly path?: string;
  readonly method?: string;
  readonly header?: readonly string[];
}

const word = { type: "string", minLength: 1, maxLength: 256 } as const;
const checkQuery = {
  type: "object",
  properties: {
    from: word,
    to: word,
    path: { type: "string", pattern: "^/", maxLength: 8_192 },
    method: { type: "string", pattern: "^[A-Za-z]+$", maxLength: 32 },
    header: { type: "array", maxItems: 64, items: { type: "string", pattern: "^[^:\\s]+:", maxLength: 8_192 } },
  },
} as const;

/** `service:read` on the callee, as Consul's own check asks for. */
const readCallee: Right = {
  kind: "rules",
  needs: "`service:read` on the callee",
  change: false,
  rules: (request) => [{ resource: "service", name: String((request.query as { to?: unknown }).to ?? ""), access: "read" }],
};

/** Adds the routes. Without `path`, `method` and `header` the call is one without a request, as Consul's own check takes it. */
export function addIntentionRoutes(app: FastifyInstance, source: IntentionReader): void {
  app.get("/api/intentions", { config: { right: listing } }, async (request, reply) => {
    const known = source.intentions();
    if (!known) return sendProblem(reply, 503, "intentions.unknown", unknown);
    const may = await request.access.readable(known.intentions.map(({ destination }) => destination.name));
    const shown = known.intentions.filter(({ destination }) => destination.name === wildcard || may.has(destination.name));
    return { default: known.byDefault ?? null, intentions: shown.map(intentionView).sort((a, b) => b.precedence - a.precedence) };
  });

  app.get<{ Querystring: CheckQuery }>(
    "/api/intentions/check",
    { schema: { querystring: checkQuery }, config: { right: readCallee } },
    (request, reply) => {
      const known = source.intentions();
      if (!known) return sendProblem(reply, 503, "intentions.unknown", unknown);
      if (!known.byDefault) return sendProblem(reply, 503, "intentions.default-unknown", defaultUnknown);
      const { from, to } = request.query;
      if (!from || !to) return sendProblem(reply, 400, "api.bad-request", "name the caller and the callee: ?from=web&to=orders");
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

function requestOf({ path, method, header }: CheckQuery, protocol: Protocol) {
  if (protocol === "tcp" || (path === undefined && method === undefined && header === undefined)) return {};
  const headers = Object.fromEntries(
    (header ?? []).map((line) => {
      const end = line.indexOf(":");
      return [line.slice(0, end).toLowerCase(), line.slice(end + 1).trim()];
    }),
  );
  return { request: { path: path ?? "/", method: (method ?? "GET").toUpperCase(), headers } };
}

function intentionView(intention: Intention): IntentionView {
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
