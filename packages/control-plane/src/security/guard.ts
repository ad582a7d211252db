/** The one place where it is decided whether a request may be served: who asks, what the route demands, and what Consul says of both. */
import { type AclRule, authorizationsAtOnce } from "@legation/consul";
import { controlPlaneService, instanceKey } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendRefusal } from "../api/problem.js";
import { type Access, noAccess, openAccess, type Told, tokenAccess } from "./access.js";
import type { AclModeWatch } from "./acl-mode.js";
import type { Audit } from "./audit.js";
import { type Caller, keyOfCaller, nameOfCaller } from "./caller.js";
import { isControlPlane } from "./claims.js";
import type { Decisions, Verdict } from "./decisions.js";
import { createDenials } from "./denials.js";
import type { SecurityEvents } from "./events.js";
import type { RateCounter } from "./limits.js";
import { originOf } from "./origin.js";
import { claimRefused, denied, hclOf, type Refusal, tokenMissing, tokenUnknown, tooMany, undecided, whatOf } from "./refusal.js";
import { type AgentClaim, open, type Right } from "./right.js";
import { tokenOf } from "./token.js";

/** Rules that one entry of the audit names at most. */
const rulesAudited = 20;

/** What the guard decides with. */
export interface GuardParts {
  readonly mode: Pick<AclModeWatch, "current" | "known" | "disabled">;
  readonly decisions: Decisions;
  readonly rates: RateCounter;
  readonly audit: Pick<Audit, "record">;
  readonly events: Pick<SecurityEvents, "report">;
  /** The service of an instance, by its key; undefined for one that the registry does not have. */
  readonly ownerOf: (instance: string) => string | undefined;
  /** Told of each agent that is refused. */
  readonly agentRefused: (claim: AgentClaim, detail: string) => void;
  readonly clock: Clock;
}

/** What is known of one request when it ends. */
interface Handled extends Told {
  caller: Caller;
  target: readonly AclRule[];
  change: boolean;
  refused: boolean;
}

/** What a route demands of this request. */
interface Demand {
  readonly rules: readonly AclRule[];
  readonly change: boolean;
  /** Old decisions count while Consul is away. */
  readonly grace: boolean;
  readonly claim?: AgentClaim;
}

/** Guards every route of the server that is added from now on, and tells the audit of changes and refusals. */
export function guard(app: FastifyInstance, o: GuardParts): void {
  const handled = new WeakMap<FastifyRequest, Handled>();
  const recorded = new WeakSet<FastifyRequest>();
  const denials = createDenials(o);
  app.decorateRequest("access");

  app.addHook("preHandler", async (request, reply) => {
    const right = request.routeOptions.config.right ?? open;
    const demand = demandOf(right, request);
    const caller: Caller = { kind: "anonymous", address: request.ip.replace(/^::ffff:/, "") };
    const state: Handled = { caller, target: demand.rules, change: demand.change, refused: false, detail: {} };
    handled.set(request, state);
    const refusal = await check(request, right, demand, state);
    if (!refusal) return undefined;
    state.refused = true;
    state.detail = { ...state.detail, code: refusal.code };
    if (demand.claim && !demand.claim.relayed && [401, 403].includes(refusal.status)) o.agentRefused(demand.claim, refusal.detail);
    if (refusal.status !== 503) denials.add(state.caller, whatOf(request));
    return sendRefusal(reply, refusal);
  });

  app.addHook("onResponse", async (request, reply) => record(request, reply));
  // Of an answer that its client does not wait for, nothing is told above; what was changed is changed all the same.
  app.addHook("onSend", async (request, reply) => {
    if (reply.raw.destroyed) record(request, reply);
    else reply.raw.once("close", () => record(request, reply));
  });

  function record(request: FastifyRequest, reply: FastifyReply): void {
    if (recorded.has(request)) return;
    recorded.add(request);
    const state = handled.get(request) ?? refusedAtTheDoor(request, reply);
    if (!state) return;
    const { caller, detail } = state;
    const status = reply.statusCode;
    const refused = state.refused || status === 401 || status === 403;
    if (!refused && !state.change) return;
    o.audit.record({
      kind: refused ? "refusal" : "change",
      requestId: request.id,
      caller,
      action: `${request.method} ${request.routeOptions.url ?? "(no such path)"}`,
      target: targetOf(state.target),
      outcome: refused ? "refused" : status < 400 ? "done" : "failed",
      status,
      ...(Object.keys(detail).length > 0 ? { detail } : {}),
    });
  }

  async function check(request: FastifyRequest, right: Right, demand: Demand, state: Handled): Promise<Refusal | undefined> {
    const what = whatOf(request);
    const { address } = state.caller;
    // A control plane asks as often as its clients do, whom it counts itself.
    const serve = async (caller: Caller, access: Access, replica = false): Promise<Refusal | undefined> => {
      state.caller = caller;
      request.access = access;
      return replica ? undefined : limit(request, caller, demand);
    };
    const given = tokenOf(request.headers);
    const mode = right.kind === "open" ? o.mode.known : await o.mode.current();
    if (mode === "off") {
      const caller: Caller = { kind: "open", address };
      return serve(caller, openAccess(caller, state));
    }
    if (right.kind === "open" && given.kind !== "token") return serve(state.caller, noAccess(state.caller, state));
    if (mode === "unknown") return undecided(what, "it has not answered since this control plane's state directory is new");

    const { service: peer, spiffeId } = request.peer;
    if (peer && spiffeId && demand.claim && leafMay(peer.service, demand.claim)) {
      const caller: Caller = { kind: "service", spiffeId, address };
      state.caller = caller;
      return claim(demand.claim, state) ?? serve(caller, noAccess(caller, state), demand.claim.relayed);
    }

    // By TLS control planes send each other no token.
    if (peer && spiffeId && right.kind === "rules" && right.replicas && isControlPlane(peer)) {
      const caller: Caller = { kind: "service", spiffeId, address };
      return serve(caller, noAccess(caller, state));
    }

    if (given.kind === "malformed") return (await refusedTooOften(request, address)) ?? tokenUnknown(what);
    const token = given.kind === "token" ? given.token : undefined;
    if (token === undefined || !o.decisions.knows(token)) {
      const seconds = await o.rates.exceeded("refused", request, originOf(address));
      if (seconds !== undefined) return tooMany(`${address}, without a token that is known,`, seconds);
    } else {
      // Who has asked too often must cost Consul nothing.
      const known: Caller = { kind: "token", ...(await o.decisions.owner(token)), address };
      const seconds = await o.rates.exceeded(...countOf(known, request, demand));
      if (seconds !== undefined) {
        state.caller = known;
        return tooMany(nameOfCaller(known), seconds);
      }
    }
    const verdict = await decide(token, demand);
    if (verdict.kind === "disabled") {
      o.mode.disabled();
      const caller: Caller = { kind: "open", address };
      return serve(caller, openAccess(caller, state));
    }
    if (verdict.kind === "unknown") return (await refusedTooOften(request, address)) ?? tokenUnknown(what);
    if (verdict.kind === "undecided") return undecided(what, verdict.why);

    const caller: Caller = token === undefined ? state.caller : { kind: "token", ...(await o.decisions.owner(token)), address };
    state.caller = caller;
    const { allowed } = verdict;
    const missing = demand.rules.filter((_, i) => allowed[i] === false);
    const lacks = missing.length > 0;
    const skips = right.kind === "open" || (right.kind === "listing" && token !== undefined);
    if (lacks && !skips && token === undefined)
      return (await refusedTooOften(request, address)) ?? tokenMissing(what, right.kind === "listing" ? [] : missing);
    const limited = await serve(caller, tokenAccess(caller, token, o.decisions, state), !lacks && demand.claim?.relayed);
    if (limited) return limited;
    if (lacks && !skips) return denied(what, caller, missing);
    return claim(demand.claim, state);
  }

  /** Asks about no more rules at once than Consul takes, and about no more once one is missing: `allowed` may be shorter than the rules. */
  async function decide(token: string | undefined, { rules, grace }: Demand): Promise<Verdict> {
    const allowed: boolean[] = [];
    while (allowed.length < rules.length && !allowed.includes(false)) {
      const verdict = await o.decisions.decide(token, rules.slice(allowed.length, allowed.length + authorizationsAtOnce), grace);
      if (verdict.kind !== "decided") return verdict;
      allowed.push(...verdict.allowed);
    }
    return { kind: "decided", allowed };
  }

  /** An agent speaks for an instance of its own service only. */
  function claim(said: AgentClaim | undefined, { caller }: Handled): Refusal | undefined {
    if (!said) return undefined;
    const instance = instanceKey(said.node, said.id);
    const registered = o.ownerOf(instance);
    if (said.service !== undefined && (registered === undefined || registered === said.service)) return undefined;
    if (said.service === undefined && registered !== undefined) return undefined;
    const refusal = claimRefused(instance, said.service, registered);
    o.events.report({ kind: "claim-refused", subject: keyOfCaller(caller), message: `${nameOfCaller(caller)}: ${refusal.detail}` });
    return refusal;
  }

  async function limit(request: FastifyRequest, caller: Caller, demand: Demand): Promise<Refusal | undefined> {
    const seconds = await o.rates.count(...countOf(caller, request, demand));
    return seconds === undefined ? undefined : tooMany(nameOfCaller(caller), seconds);
  }

  async function refusedTooOften(request: FastifyRequest, address: string): Promise<Refusal | undefined> {
    const seconds = await o.rates.count("refused", request, originOf(address));
    return seconds === undefined ? undefined : tooMany(`${address}, without a token that is known,`, seconds);
  }

  function demandOf(right: Right, request: FastifyRequest): Demand {
    switch (right.kind) {
      case "open":
      case "listing":
        return { rules: [{ resource: "service", access: "read" }], change: false, grace: true };
      case "rules":
        return { rules: right.rules(request), change: right.change, grace: !right.change };
      case "agent": {
        const said = right.claim(request);
        const service = said.service ?? o.ownerOf(instanceKey(said.node, said.id));
        const name = said.relayed ? controlPlaneService : (service ?? controlPlaneService);
        return { rules: [{ resource: "service", name, access: "write" }], change: right.change(request), grace: true, claim: said };
      }
    }
  }
}

/** A certificate that proves nothing is refused before the guard has seen the request. */
function refusedAtTheDoor({ ip }: FastifyRequest, { statusCode }: FastifyReply): Handled | undefined {
  if (statusCode !== 401) return undefined;
  const caller: Caller = { kind: "anonymous", address: ip };
  return { caller, target: [], change: false, refused: true, detail: { code: "peer.certificate" } };
}

/** As what a request is counted. */
function countOf(caller: Caller, request: FastifyRequest, { claim }: Demand): Parameters<RateCounter["count"]> {
  const key = keyOfCaller(caller);
  return claim ? ["agent", request, `${key} ${instanceKey(claim.node, claim.id)}`] : ["client", request, key];
}

/** The first of the rules, for the audit; a request may need thousands. */
function targetOf(rules: readonly AclRule[]): readonly string[] {
  const left = rules.length - rulesAudited;
  const named = rules.slice(0, rulesAudited).map((rule) => hclOf([rule]));
  return left > 0 ? [...named, `and ${left} more`] : named;
}

function leafMay(peer: string, { service, relayed }: AgentClaim): boolean {
  return peer === (relayed ? controlPlaneService : service);
}
