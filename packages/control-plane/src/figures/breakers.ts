/** The circuit breakers of the mesh: per service, per instance and per caller, from what the callers' agents report (DESIGN §5). */
import { type BreakerStanding, breakerStandings, type ReportedBreaker } from "@legation/contract";
import type { BreakerView } from "@legation/contract/api";
import { addressOf, type CatalogService, endpointsOf, isServing, keyOf } from "@legation/mesh";
import { type Clock, formatAddress, type Timer } from "@legation/runtime";
import type { Teller } from "../events/events.js";
import type { FigureBook } from "./book.js";

/** Callers that a breaker names at most. */
export const callersNamed = 20;

/** The breakers of one service. */
export interface ServiceBreakers {
  /** Open where for a caller all instances are, or a limit is exceeded. */
  readonly service: BreakerView;
  /** By instance key; those that are not in it are closed. */
  readonly instances: ReadonlyMap<string, BreakerView>;
}

/** A breaker that no caller has opened. */
export const closedBreaker: BreakerView = { state: "closed", callers: 0, by: [] };

/** See the file's sentence. */
export interface Breakers {
  of(service: CatalogService): ServiceBreakers;
  /** Agents have said something else of their breakers towards these services. */
  touched(services: readonly string[]): void;
  stop(): void;
}

type Said = { readonly caller: string } & Omit<ReportedBreaker, "service">;

/** What fell silent is noticed so soon; milliseconds. */
const lookAgain = 5_000;

/** Makes it; each change of a state is an event. */
export function createBreakers(o: {
  readonly book: Pick<FigureBook, "breakersTo" | "called">;
  readonly service: (name: string) => CatalogService | undefined;
  readonly events: Teller;
  readonly clock: Clock;
}): Breakers {
  /** By service, the states that are not closed: of the service under "", of its instances under their keys. */
  const shown = new Map<string, ReadonlyMap<string, BreakerStanding>>();
  let timer: Timer | undefined;

  const of = (service: CatalogService): ServiceBreakers => standingsOf(service, o.book.breakersTo(service.name));

  const look = (name: string): void => {
    const service = o.service(name);
    // Agents may name whatever they like; what the registry does not have is no event.
    const now = service ? of(service) : { service: closedBreaker, instances: new Map<string, BreakerView>() };
    const states = new Map([...now.instances].map(([key, { state }]) => [key, state]));
    if (now.service.state !== "closed") states.set("", now.service.state);
    const before = shown.get(name) ?? new Map<string, BreakerStanding>();
    for (const key of new Set([...before.keys(), ...states.keys()])) {
      const state = states.get(key) ?? "closed";
      if (state === (before.get(key) ?? "closed")) continue;
      const view = key === "" ? now.service : now.instances.get(key);
      tell(state, name, key, view);
    }
    if (states.size > 0) shown.set(name, states);
    else shown.delete(name);
  };

  const tell = (state: BreakerStanding, service: string, instance: string, view: BreakerView | undefined): void => {
    const cause = detailOf(view);
    o.events.tell({
      ...{ type: eventOf[state], severity: severityOf[state], service, ...(instance === "" ? {} : { instance }) },
      text: `the breaker of ${instance || service} is ${state}: ${cause}`,
      details: { cause, callers: view?.callers ?? 0, by: view?.by ?? [] },
    });
  };

  const turn = (): void => {
    timer = undefined;
    for (const name of new Set([...o.book.called(), ...shown.keys()])) look(name);
    arm();
  };
  const arm = (): void => {
    if (shown.size > 0) timer ??= o.clock.timeout(lookAgain, turn);
  };

  return {
    of,
    touched(services) {
      for (const name of services) look(name);
      arm();
    },
    stop: () => timer?.cancel(),
  };
}

const eventOf = { closed: "breaker.closed", "half-open": "breaker.half-opened", open: "breaker.opened" } as const;
const severityOf = { closed: "info", "half-open": "info", open: "error" } as const;

function detailOf(view: BreakerView | undefined): string {
  const [first] = view?.by ?? [];
  if (!view || !first) return "for all callers";
  return `${first.cause}; for ${first.caller}${view.callers > 1 ? ` and ${view.callers - 1} more` : ""}`;
}

function standingsOf(service: CatalogService, said: ReadonlyMap<string, readonly ReportedBreaker[]>): ServiceBreakers {
  if (said.size === 0) return { service: closedBreaker, instances: new Map() };
  const byAddress = new Map<string, Said[]>();
  const ofService: Said[] = [];
  const endpoints = endpointsOf(service);
  const serving = service.instances.filter((instance) => {
    const endpoint = endpoints.get(instance);
    return endpoint !== undefined && isServing(endpoint);
  });
  for (const [caller, breakers] of said) {
    const states = new Map(breakers.flatMap(({ address, state }) => (address === undefined ? [] : [[address, state] as const])));
    for (const { service: _, ...breaker } of breakers) {
      const { address } = breaker;
      if (address === undefined) ofService.push({ caller, ...breaker });
      else {
        const known = byAddress.get(address) ?? [];
        known.push({ caller, ...breaker });
        byAddress.set(address, known);
      }
    }
    const standings = serving.map((instance) => states.get(meshAddressOf(instance)));
    const newest = [...breakers].sort((a, b) => (a.since < b.since ? 1 : -1))[0];
    if (serving.length === 0 || standings.includes(undefined) || !newest) continue;
    const state = standings.includes("half-open") ? "half-open" : "open";
    ofService.push({ caller, state, cause: `${newest.cause}, of every instance`, since: newest.since });
  }
  const instances = service.instances.flatMap((instance) => {
    const found = byAddress.get(meshAddressOf(instance));
    return found ? [[keyOf(instance), viewOf(found)] as const] : [];
  });
  return { service: viewOf(ofService), instances: new Map(instances) };
}

function meshAddressOf(instance: CatalogService["instances"][number]): string {
  const { host, port } = addressOf(instance);
  return formatAddress(host, port);
}

function viewOf(said: readonly Said[]): BreakerView {
  const rank = (state: BreakerStanding) => breakerStandings.indexOf(state);
  const sorted = [...said].sort((a, b) => rank(b.state) - rank(a.state) || (a.caller < b.caller ? -1 : 1));
  const callers = new Set(sorted.map(({ caller }) => caller)).size;
  return {
    state: sorted[0]?.state ?? "closed",
    callers,
    by: sorted.slice(0, callersNamed).map(({ caller, state, cause, since }) => ({ caller, state, cause, since })),
  };
}
