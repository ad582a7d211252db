/** Explanations from the live state: who calls, what its proxy is given, and what is known of the mesh now. */
import type { AccessLine, Explanation, FlagExplanation } from "@legation/contract/api";
import { type CatalogService, metaOf } from "@legation/mesh";
import {
  type CallerExplanation,
  type ExplainedRequest,
  explainFlags,
  explainRequest,
  type FlagScope,
  masked,
  serviceOf,
} from "@legation/mesh/explain";
import type { PolicySet } from "@legation/mesh/policy";
import { LegationError } from "@legation/runtime";
import type { FigureBook } from "../figures/book.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { Caller, Callers } from "./callers.js";
import type { CheckTimes } from "./check-times.js";
import { type Given, givenTo } from "./given.js";

/** What it works with. */
export interface ExplainerParts extends Omit<Parameters<typeof givenTo>[1], "reconciler"> {
  readonly reconciler: Pick<
    Reconciler,
    "claim" | "traffic" | "service" | "services" | "serviceOf" | "identity" | "identityKnown" | "trust" | "intentions"
  >;
  readonly callers: Callers;
  readonly policies: () => PolicySet;
  readonly book: Pick<FigureBook, "breakersTo">;
  readonly times: Pick<CheckTimes, "since">;
  /** What a proxy with these layers is not given because a proxy refused it, in words. */
  readonly quarantined: (layers: readonly string[]) => readonly string[];
  /** How old what is known may be, in words; none where it is new. */
  readonly staleness: () => readonly string[];
}

/** Who asks may read these services. */
export type MayRead = (services: readonly string[]) => Promise<ReadonlySet<string>>;

/** Explains. All throw LegationErrors `explain.unready`, `explain.unknown-caller` and `explain.bad-url`. */
export interface Explainer {
  /** The service of `from`, which is a service or an instance. */
  callerOf(from: string): string;
  request(from: string, asked: ExplainedRequest, may: MayRead, signal: AbortSignal): Promise<Explanation>;
  flags(
    flags: readonly string[],
    line: AccessLine | undefined,
    from: string | undefined,
    may: MayRead,
    signal: AbortSignal,
  ): Promise<FlagExplanation>;
}

/** Other instances of the caller that are told of, at most. */
const othersTold = 20;

/** Makes it. */
export function createExplainer(o: ExplainerParts): Explainer {
  const { reconciler } = o;
  const callerOf = (from: string): string => {
    if (!from.includes("/")) return from;
    // One that nobody knows is most likely named after its service.
    return reconciler.serviceOf(from) ?? o.callers.serviceOf(from) ?? from.slice(from.indexOf("/") + 1).replace(/-\d+$/, "");
  };

  function explained(caller: Caller, asked: ExplainedRequest, stale: readonly string[]): CallerExplanation {
    const given: Given = givenTo(caller, o);
    try {
      const { instance, node, region, zone } = caller;
      const told = explainRequest(
        {
          caller: { instance, node, region, zone },
          resource: given.resource,
          service: reconciler.service,
          traffic: reconciler.traffic(),
          identity: reconciler.identity,
          identityDocuments: o.policies().of("Identity"),
          trust: reconciler.trust(),
          intentions: reconciler.intentions(),
          breakers: (service) => o.book.breakersTo(service).get(instance) ?? [],
          since: o.times.since,
        },
        asked,
      );
      if (typeof told === "string") throw new LegationError("explain.bad-url", told);
      return { ...told, notes: [...told.notes, ...caller.notes, ...o.quarantined(given.layers), ...stale] };
    } finally {
      given.release();
    }
  }

  async function callersOf(from: string, signal: AbortSignal) {
    if (!reconciler.identityKnown())
      throw new LegationError("explain.unready", "nothing is served yet: the policies or Consul's CA are not known. Try again soon");
    const service = callerOf(from);
    const { callers, silent } = await o.callers.all(service, signal);
    const chosen = from.includes("/") ? callers.filter(({ instance }) => instance === from) : callers;
    if (chosen.length === 0) {
      const unheard = silent.length > 0 ? ` (${silent.join(", ")})` : "";
      throw new LegationError(
        "explain.unknown-caller",
        `${from} has no instance in the registry and no proxy that is connected${unheard}. Name a service that calls, or one of its instances as <Consul node>/<service id>`,
      );
    }
    return { callers: chosen, silent };
  }

  async function request(from: string, asked: ExplainedRequest, may: MayRead, signal: AbortSignal): Promise<Explanation> {
    const { callers, silent } = await callersOf(from, signal);
    const stale = o.staleness();
    const all = callers.slice(0, othersTold + 1).map((caller) => explained(caller, asked, stale));
    const readable = await may([...new Set(all.flatMap(({ ways }) => ways.map(({ service }) => service)))]);
    const shown = all.map((told) => masked(told, (service) => readable.has(service)));
    // Of several the one with most to tell: where instances are ejected or limits exceeded.
    const trouble = ({ ways, notes }: CallerExplanation) =>
      ways.flatMap(({ endpoints }) => endpoints).filter(({ state }) => state === "ejected" || state === "panic").length + notes.length;
    const [first, ...others] = [...shown].sort((a, b) => trouble(b) - trouble(a) || (a.caller.instance < b.caller.instance ? -1 : 1));
    if (!first) throw new LegationError("explain.unknown-caller", `${from} has no instance`);
    return {
      ...first,
      otherCallers: others.map(({ caller: { instance, zone }, summary }) => ({ instance, zone, summary })),
      silent: [...silent],
    };
  }

  return {
    callerOf,
    request,
    async flags(flags, line, from, may, signal) {
      const readable = await may(reconciler.services().map(({ name }) => name));
      const service = line && serviceOf(line);
      const asked = service !== undefined && line ? requestOf(line, service) : undefined;
      const explanation = from !== undefined && asked ? await request(from, asked, may, signal) : undefined;
      const scope: FlagScope = {
        services: chosen(readable, from),
        traffic: reconciler.traffic(),
        breakers: (name) => o.book.breakersTo(name),
        since: o.times.since,
      };
      const told = explainFlags(scope, flags, line);
      return { ...told, ...(explanation ? { explanation } : {}), silent: explanation?.silent ?? [] };
    },
  };

  /** Those that `from` depends on, where somebody says who calls. */
  function chosen(readable: ReadonlySet<string>, from: string | undefined): readonly CatalogService[] {
    const services = reconciler.services().filter(({ name }) => readable.has(name));
    if (from === undefined) return services;
    const caller = reconciler.service(callerOf(from));
    const called = new Set(caller?.instances.flatMap((instance) => metaOf(instance).dependencies.map(({ name }) => name)));
    return called.size === 0 ? services : services.filter(({ name }) => called.has(name));
  }
}

function requestOf({ method = "GET", host, path = "/" }: AccessLine, service: string): ExplainedRequest {
  return { method, url: `http://${host ?? service}${path.startsWith("/") ? path : "/"}`, headers: {} };
}
