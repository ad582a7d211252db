/**
 * Consul's decisions on tokens, kept for a few seconds: asked once for callers that come at once, bounded against floods, and used for
 * longer only where the question allows it and Consul is away.
 */
import { createHash } from "node:crypto";
import { type AclApi, type AclRule, authorizationsAtOnce, type TokenSelf } from "@legation/consul";
import { type Clock, messageOf } from "@legation/runtime";

/** A decision counts without a question for this long; milliseconds. A revoked token is refused after this time at the latest. */
export const freshMs = 5_000;
/** While Consul does not answer, a decision counts for this long for reads and for an agent's own channel; milliseconds. */
export const graceMs = 600_000;
/** Tokens, unknown tokens and rules of one token that are kept at most. */
export const keptAtMost = { tokens: 2_000, unknown: 5_000, rules: 20_000 } as const;

const questionLimit = 2_000;
/** After a question without an answer the next is asked after this time; until then Consul counts as away. Milliseconds. */
const awayMs = 1_000;
/** Questions under way at most, and of one request; neither a flood of made-up tokens nor one long list must pile up. */
const questionsAtOnce = 256;
const questionsOfOne = 8;

/** The answer to a question. `undecided` says why, in words. */
export type Verdict =
  | { readonly kind: "decided"; readonly allowed: readonly boolean[] }
  | { readonly kind: "unknown" }
  | { readonly kind: "disabled" }
  | { readonly kind: "undecided"; readonly why: string };

/** Who a token belongs to, as far as Consul said. */
export interface TokenOwner {
  readonly accessor?: string;
  readonly name?: string;
}

/** The decisions. */
export interface Decisions {
  /** Whether `token` (none: whoever shows none) may do each of `rules`. `grace`: old decisions count while Consul is away. Never rejects. */
  decide(token: string | undefined, rules: readonly AclRule[], grace: boolean): Promise<Verdict>;
  /** True when deciding for this token costs no question to Consul, because it was known or refused a moment ago. */
  knows(token: string | undefined): boolean;
  /** Never rejects: without an answer of Consul the owner has no name. */
  owner(token: string): Promise<TokenOwner>;
  /** What Consul says of the token now. Undefined when it does not know the token; rejects when it does not answer. */
  self(token: string): Promise<TokenSelf | undefined>;
}

interface Decision {
  readonly allow: boolean;
  readonly at: number;
}

interface Known {
  readonly rules: Map<string, Decision>;
  readonly asked: Map<string, Promise<Verdict>>;
  owner: TokenOwner | undefined;
  asksOwner: Promise<TokenOwner> | undefined;
}

/** Makes an empty memory. Tokens are kept as hashes. */
export function createDecisions(o: { acl: AclApi; clock: Clock }): Decisions {
  const tokens = new Map<string, Known>();
  /** Those about which the first question is under way. */
  const asking = new Map<string, Known>();
  const unknown = new Map<string, number>();
  let underWay = 0;
  let away: { readonly since: number; readonly why: string } | undefined;

  const isUnknown = (key: string): boolean => o.clock.monotonic() - (unknown.get(key) ?? Number.NEGATIVE_INFINITY) < freshMs;

  function find(key: string): Known {
    const found = tokens.get(key) ?? asking.get(key) ?? { rules: new Map(), asked: new Map(), owner: undefined, asksOwner: undefined };
    if (!tokens.has(key)) asking.set(key, found);
    return found;
  }

  /** Only a token that Consul knows takes a place: made-up ones push out none that are in use. */
  function keep(key: string, entry: Known): void {
    if (entry.asked.size === 0) asking.delete(key);
    if (entry.rules.size === 0) return;
    // The one used longest ago stands first, and goes first.
    tokens.delete(key);
    tokens.set(key, entry);
    trim(tokens, keptAtMost.tokens);
    trim(entry.rules, keptAtMost.rules);
  }

  async function ask(token: string | undefined, rules: readonly AclRule[], into: Known): Promise<Verdict> {
    const now = o.clock.monotonic();
    if (away && now - away.since < awayMs) return { kind: "undecided", why: away.why };
    if (underWay >= questionsAtOnce) return { kind: "undecided", why: "too many questions to Consul are under way" };
    underWay++;
    try {
      const answer = await o.acl.authorize(token, rules, { timeoutMs: questionLimit });
      away = undefined;
      if (answer.kind !== "decided") return answer;
      const at = o.clock.monotonic();
      rules.forEach((rule, i) => {
        const key = ruleKey(rule);
        into.rules.delete(key);
        into.rules.set(key, { allow: answer.allowed[i] ?? false, at });
      });
      return answer;
    } catch (error) {
      away = { since: o.clock.monotonic(), why: messageOf(error) };
      return { kind: "undecided", why: away.why };
    } finally {
      underWay--;
    }
  }

  /** Asks for what is missing; one question at a time for one rule of one token. Resolves to the first answer that decides nothing. */
  async function complete(token: string | undefined, rules: readonly AclRule[], entry: Known): Promise<Verdict | undefined> {
    const now = o.clock.monotonic();
    const missing = new Map<string, AclRule>();
    const waits = new Set<Promise<Verdict>>();
    for (const rule of rules) {
      const key = ruleKey(rule);
      const decision = entry.rules.get(key);
      if (decision && now - decision.at < freshMs) continue;
      const asked = entry.asked.get(key);
      if (asked) waits.add(asked);
      else missing.set(key, rule);
    }
    const all = [...missing.keys()];
    for (let from = 0; from < all.length; from += authorizationsAtOnce) {
      // A token that Consul does not know costs one question, however much is asked about it.
      if (from > 0 && (entry.rules.size === 0 || waits.size >= questionsOfOne)) {
        const failed = (await Promise.all(waits)).find(({ kind }) => kind !== "decided");
        if (failed) return failed;
        waits.clear();
      }
      const keys = all.slice(from, from + authorizationsAtOnce).filter((key) => {
        const asked = entry.asked.get(key);
        if (asked) waits.add(asked);
        return !asked && (entry.rules.get(key)?.at ?? Number.NEGATIVE_INFINITY) < now;
      });
      if (keys.length === 0) continue;
      const question = ask(
        token,
        keys.map((key) => missing.get(key) as AclRule),
        entry,
      ).finally(() => {
        for (const key of keys) entry.asked.delete(key);
      });
      for (const key of keys) entry.asked.set(key, question);
      waits.add(question);
    }
    return (await Promise.all(waits)).find(({ kind }) => kind !== "decided");
  }

  return {
    knows: (token) => isUnknown(hashOf(token)) || tokens.has(hashOf(token)),
    async decide(token, rules, grace) {
      const key = hashOf(token);
      if (isUnknown(key)) return { kind: "unknown" };
      const entry = find(key);
      const failed = await complete(token, rules, entry);
      keep(key, entry);
      if (failed?.kind === "unknown") {
        tokens.delete(key);
        unknown.delete(key);
        unknown.set(key, o.clock.monotonic());
        trim(unknown, keptAtMost.unknown);
        return failed;
      }
      if (failed?.kind === "disabled") return failed;
      const oldest = o.clock.monotonic() - (grace ? graceMs : freshMs);
      const decisions = rules.map((rule) => entry.rules.get(ruleKey(rule)));
      if (decisions.every((decision) => decision && decision.at > oldest))
        return { kind: "decided", allowed: decisions.map((decision) => decision?.allow ?? false) };
      return failed ?? { kind: "undecided", why: away?.why ?? "Consul did not decide" };
    },
    async owner(token) {
      const entry = tokens.get(hashOf(token));
      if (!entry) return {};
      if (entry.owner) return entry.owner;
      entry.asksOwner ??= o.acl.self(token, { timeoutMs: questionLimit }).then(
        (self) => {
          entry.owner = ownerOf(self);
          return entry.owner;
        },
        () => {
          entry.asksOwner = undefined;
          return {};
        },
      );
      return await entry.asksOwner;
    },
    self: (token) => o.acl.self(token, { timeoutMs: questionLimit }),
  };
}

function ownerOf(self: TokenSelf | undefined): TokenOwner {
  if (!self) return {};
  return { accessor: self.AccessorID, ...(self.Description ? { name: self.Description.slice(0, 128) } : {}) };
}

function ruleKey({ resource, access, name }: AclRule): string {
  return `${resource} ${access} ${name ?? ""}`;
}

function hashOf(token: string | undefined): string {
  return token === undefined ? "" : createHash("sha256").update(token).digest("base64");
}

function trim(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
