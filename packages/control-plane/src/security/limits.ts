/** How many requests one client may make: counted by who it is, not by what it claims, so that no agent starves because of another. */
import rateLimit, { type FastifyRateLimitStore, type FastifyRateLimitStoreCtor } from "@fastify/rate-limit";
import type { Clock } from "@legation/runtime";
import type { FastifyInstance, FastifyRequest } from "fastify";

/**
 * Requests within `windowMs`. `client` is for one caller; `agent` for the channel of one instance; `refused` for requests from one address
 * that show no token which Consul knows.
 */
export interface RateLimits {
  readonly client: number;
  readonly agent: number;
  readonly refused: number;
}

/** The time in which requests are counted; milliseconds. */
export const windowMs = 10_000;
/** Clients that are told apart; the one that was seen longest ago is forgotten. */
export const clientsApart = 20_000;

/** The limits for clients that make `perSecond` requests on average. */
export function rateLimitsOf(perSecond: number): RateLimits {
  const client = Math.ceil((perSecond * windowMs) / 1_000);
  // An agent that nobody answers tells its notice five times a second.
  return { client, agent: Math.max(client, 200), refused: Math.max(10, Math.ceil(client / 5)) };
}

/** Counts requests of clients. */
export interface RateCounter {
  /** Counts one; resolves to the seconds after which to come again when it is too many, else to undefined. */
  count(kind: keyof RateLimits, request: FastifyRequest, client: string): Promise<number | undefined>;
  /** The same question without counting. */
  exceeded(kind: keyof RateLimits, request: FastifyRequest, client: string): Promise<number | undefined>;
}

/** Adds the counters to a server. */
export async function addRateLimits(app: FastifyInstance, o: { limits: RateLimits; clock: Clock }): Promise<RateCounter> {
  await app.register(rateLimit, { global: false, store: storeOn(o.clock) });
  const clients = new WeakMap<FastifyRequest, string>();
  const keyGenerator = (request: FastifyRequest): string => clients.get(request) ?? request.ip;
  const counter = (max: number) => app.createRateLimit({ max, timeWindow: windowMs, keyGenerator });
  const counters = { client: counter(o.limits.client), agent: counter(o.limits.agent), refused: counter(o.limits.refused) };
  async function ask(kind: keyof RateLimits, request: FastifyRequest, client: string, increment: boolean): Promise<number | undefined> {
    clients.set(request, client);
    const counted = await counters[kind](request, { increment });
    if (counted.isAllowed) return undefined;
    const full = increment ? counted.isExceeded : counted.remaining === 0;
    return full ? Math.max(1, counted.ttlInSeconds) : undefined;
  }
  return {
    count: (kind, request, client) => ask(kind, request, client, true),
    exceeded: (kind, request, client) => ask(kind, request, client, false),
  };
}

/** Counts by a clock that never goes back: the library's own store locks clients out when the machine's time is set back. */
function storeOn(clock: Clock): FastifyRateLimitStoreCtor {
  return class Store implements FastifyRateLimitStore {
    readonly #counts = new Map<string, { current: number; readonly since: number }>();

    incr(key: string, callback: (error: Error | null, result?: { current: number; ttl: number }) => void): void {
      const now = clock.monotonic();
      const found = this.#counts.get(key);
      const count = found && now - found.since < windowMs ? found : { current: 0, since: now };
      count.current++;
      this.#counts.delete(key);
      this.#counts.set(key, count);
      for (const oldest of this.#counts.keys()) {
        if (this.#counts.size <= clientsApart) break;
        this.#counts.delete(oldest);
      }
      callback(null, { current: count.current, ttl: windowMs - (now - count.since) });
    }

    read(key: string, callback: (error: Error | null, result?: { current: number; ttl: number }) => void): void {
      const now = clock.monotonic();
      const count = this.#counts.get(key);
      if (!count || now - count.since >= windowMs) callback(null, { current: 0, ttl: 0 });
      else callback(null, { current: count.current, ttl: windowMs - (now - count.since) });
    }

    child(): FastifyRateLimitStore {
      return new Store();
    }
  };
}
