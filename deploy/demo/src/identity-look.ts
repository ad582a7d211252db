/** What agents and Envoys say of the shop's identity at one moment: certificates, and how many calls came by mutual TLS. */
import type { ServiceProcess } from "@legation/local";

/** Sums over all instances that answered. */
export interface IdentityLook {
  /** Instances that hold a valid certificate, of those that run. */
  readonly certificates: number;
  /** When the first of them ends, in ms since the epoch. */
  readonly firstEnds: number | undefined;
  /** Inbound requests by instance, since its Envoy started. */
  readonly calls: ReadonlyMap<string, Calls>;
}

/** The inbound requests of one Envoy. */
export interface Calls {
  readonly all: number;
  /** Over mutual TLS: those that the rules of the intentions have looked at. */
  readonly tls: number;
  /** Of these, the ones that the intentions refused; where they are only counted, would have. */
  readonly denied: number;
  /** Of all, the ones without an answer yet. */
  readonly active: number;
}

interface Status {
  readonly identity?: { readonly phase: string; readonly notAfter?: string };
}

const inbound = "http.inbound.";
const rules = `${inbound}rbac.intentions.`;

/** Asks every agent and every Envoy. Who does not answer is left out; never rejects. */
export async function identityOf(running: readonly ServiceProcess[]): Promise<IdentityLook> {
  const [statuses, calls] = await Promise.all([
    Promise.all(running.map((one) => one.ask<Status>("GET", "/v1/status").catch(() => undefined))),
    Promise.all(running.map(async (one) => [one.id, await callsOf(one).catch(() => undefined)] as const)),
  ]);
  const valid = statuses.map((answer) => answer?.body.identity).filter((identity) => identity?.phase === "valid");
  const ends = valid.map((identity) => Date.parse(identity?.notAfter ?? "")).filter((ms) => !Number.isNaN(ms));
  return {
    certificates: valid.length,
    firstEnds: ends.length > 0 ? Math.min(...ends) : undefined,
    calls: new Map(calls.filter((entry): entry is [string, Calls] => entry[1] !== undefined)),
  };
}

/** The calls between two looks. An Envoy that is another one by now counts from its start. */
export function callsBetween(before: IdentityLook, after: IdentityLook): Calls {
  const sum = { all: 0, tls: 0, denied: 0, active: 0 };
  for (const [id, now] of after.calls) {
    const then = before.calls.get(id);
    const base = then && then.all <= now.all && then.tls <= now.tls ? then : none;
    for (const key of ["all", "tls", "denied"] as const) sum[key] += now[key] - base[key];
    sum.active += now.active;
  }
  return sum;
}

const none: Calls = { all: 0, tls: 0, denied: 0, active: 0 };

/** The rules of the intentions stand in the way of mutual TLS alone, so that what they have looked at came by it. */
async function callsOf({ envoy }: ServiceProcess): Promise<Calls> {
  const stats = await envoy.stats("^http\\.inbound\\.(downstream_rq_(total|active)|rbac\\.intentions\\.(shadow_)?(allowed|denied))$");
  const of = (name: string) => stats[name] ?? 0;
  const denied = of(`${rules}denied`) + of(`${rules}shadow_denied`);
  return {
    all: of(`${inbound}downstream_rq_total`),
    tls: of(`${rules}allowed`) + of(`${rules}shadow_allowed`) + denied,
    denied,
    active: of(`${inbound}downstream_rq_active`),
  };
}
