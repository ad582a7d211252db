/** Looks at what this instance's Envoy counts, every few seconds: how its own service answers, whom it calls, and how the breakers towards others stand. */
import type { Protocol, ReportedBreaker, ReportedLoad } from "@legation/contract";
import { type Clock, type Logger, messageOf, type Timer } from "@legation/runtime";
import type { EnvoyAdmin } from "../envoy/admin.js";
import { createBreakers } from "./breakers.js";
import { type Load, type LoadCounts, nextLoad, noLoad } from "./load.js";
import { exceededLimits, type FiguresPage, figuresFilter, ownCluster, readFigures } from "./page.js";

/** How often it looks; milliseconds. Envoy sums up response times every 5 s, and more often is of no use but while an instance is half-open, or Envoy has just begun. */
export const figuresInterval = { usual: 5_000, soon: 1_000 } as const;

/** Envoy, as far as it is needed. */
export interface MeasuredEnvoy {
  readonly admin: Pick<EnvoyAdmin, "hosts" | "figures">;
  readonly runner: { readonly state: { readonly phase: string; readonly pid?: number } };
}

/** See the file's sentence. */
export interface Figures {
  /** Takes a line of Envoy's output. False when it says nothing of a breaker. */
  take(line: string): boolean;
  /** Looks at this Envoy from now on. */
  begin(envoy: MeasuredEnvoy): void;
  /** What a control plane answered to a report. */
  learn(successThresholds: Readonly<Record<string, number>>): void;
  /** Undefined while there is too little to say. */
  load(): ReportedLoad | undefined;
  /** Those that are not closed. */
  breakers(): readonly ReportedBreaker[];
  /** By service, what this Envoy has sent there since its start. */
  sent(): ReadonlyMap<string, number>;
  stop(): void;
}

const nothing: ReadonlyMap<string, number> = new Map();

/** Makes it; `onChange` is called when there is something else to report. */
export function createFigures(o: { protocol: Protocol; clock: Clock; log: Logger; onChange: () => void }): Figures {
  const { clock } = o;
  const breakers = createBreakers(o);
  let load: Load = noLoad;
  let page: FiguresPage | undefined;
  let lookedAt = 0;
  let pid: number | undefined;
  let timer: Timer | undefined;
  let stopped = false;
  let failing = false;

  const measure = async ({ admin }: MeasuredEnvoy, fresh: boolean): Promise<void> => {
    const askedAt = clock.monotonic();
    const watched = fresh ? undefined : breakers.watched();
    const names = watched && [...(o.protocol === "tcp" ? [] : [ownCluster.name]), ...watched];
    const [text, hosts] = await Promise.all([admin.figures(figuresFilter), names?.length === 0 ? [] : admin.hosts(names)]);
    const next = readFigures(text);
    breakers.look(
      hosts.filter(({ service }) => service !== ownCluster.name),
      askedAt,
      watched,
    );
    breakers.exceed(exceededLimits(page, next));
    const before = page?.sent ?? nothing;
    page = next;
    // How often is told with the next report; whom it has never called before, at once.
    if ([...next.sent.keys()].some((service) => !before.has(service))) o.onChange();
    if (clock.monotonic() - lookedAt < figuresInterval.usual / 2) return;
    const inside = hosts.filter(({ service }) => service === ownCluster.name);
    const errors = inside.reduce((sum, host) => sum + host.errors, 0);
    const requests = inside.reduce((sum, host) => sum + host.successes, errors);
    learnLoad({ requests, errors, timed: next.timed, timeMs: next.timeMs });
  };

  const learnLoad = (counts: LoadCounts): void => {
    const before = JSON.stringify(load.told);
    const now = clock.monotonic();
    load = nextLoad(load, counts, now - lookedAt);
    lookedAt = now;
    if (JSON.stringify(load.told) !== before) o.onChange();
  };

  const look = async (envoy: MeasuredEnvoy): Promise<void> => {
    const { phase, pid: running } = envoy.runner.state;
    if (running !== pid || phase === "down") {
      // The first Envoy may have been taken over together with what it has ejected; every other one is new.
      if (pid !== undefined) breakers.forget();
      const { counts: _, ...kept } = load;
      load = kept;
      page = undefined;
      pid = phase === "down" ? undefined : running;
    }
    if (phase !== "live") return;
    try {
      await measure(envoy, page === undefined);
      failing = false;
    } catch (error) {
      const problem = messageOf(error);
      if (!failing) o.log.debug({ event: "figures.unknown", problem }, `Envoy does not tell its figures: ${problem}`);
      failing = true;
    }
  };

  const arm = (envoy: MeasuredEnvoy): void => {
    if (stopped) return;
    const soon = page === undefined || breakers.trying;
    timer = clock.timeout(soon ? figuresInterval.soon : figuresInterval.usual, () => void look(envoy).finally(() => arm(envoy)));
  };

  return {
    take: breakers.take,
    begin: arm,
    learn: breakers.learn,
    load: () => load.told,
    breakers: breakers.rows,
    sent: () => page?.sent ?? nothing,
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
