/** The start order of DRAIN.md up to the service's start: Envoy live, then the required dependencies. */
import type { Dependency } from "@legation/contract";
import type { Clock, Logger } from "@legation/runtime";
import type { Envoy } from "./envoy/setup.js";
import type { Instance } from "./instance.js";
import type { Seat } from "./seat.js";
import { missingDependencies } from "./supervisor/dependencies.js";

/** What the wait is for, and whom to tell. */
export interface ArrivalOptions {
  readonly envoy?: Envoy;
  /** Of an instance that lives with others: dependencies among them have to run here, whatever runs elsewhere. */
  readonly seat?: Pick<Seat, "awaited" | "isLocal">;
  readonly dependencies: readonly Dependency[];
  /** When missing dependencies become an error, milliseconds. The wait goes on. */
  readonly dependencyTimeout: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called with each reason that keeps the service from starting; `error` once the limit has passed. */
  readonly onWait: (reason: string, missing: readonly string[], error: boolean) => void;
}

const pollMs = 100;

/** Resolves when the service may start, to how long it waited for its required dependencies, milliseconds; rejects with the signal's reason when `signal` aborts. */
export async function readyToStart(options: ArrivalOptions, signal: AbortSignal): Promise<number> {
  const { envoy, seat, dependencies, clock, log, onWait } = options;
  const required = dependencies.filter(({ optional }) => !optional);
  const unseen = envoy ? [] : required.flatMap(({ name }) => (seat?.isLocal(name) ? [] : [name]));
  if (unseen.length > 0)
    log.warn(
      { event: "service.dependencies-unseen", unseen },
      `required dependencies are not waited for, without an Envoy they cannot be seen: ${unseen.join(", ")}`,
    );
  while (envoy && envoy.runner.state.phase !== "live") {
    onWait(envoy.runner.state.reason, [], false);
    await clock.sleep(pollMs, signal);
  }
  const began = clock.monotonic();
  const deadline = began + options.dependencyTimeout;
  let late = false;
  for (;;) {
    const missing = required.length === 0 ? [] : await look(required, envoy, seat);
    if (missing.length === 0) {
      onWait("", [], false);
      return Math.round(clock.monotonic() - began);
    }
    const reason = missing.join("; ");
    if (!late && clock.monotonic() >= deadline) {
      late = true;
      log.error(
        { event: "service.dependency-missing", missing },
        `required dependencies are still missing after ${options.dependencyTimeout} ms: ${reason}`,
      );
    }
    onWait(reason, missing, late);
    await clock.sleep(pollMs, signal);
  }
}

async function look(required: readonly Dependency[], envoy: Envoy | undefined, seat: Pick<Seat, "awaited"> | undefined): Promise<string[]> {
  const awaited = seat?.awaited() ?? new Map<string, string>();
  const rest = required.filter(({ name }) => !awaited.has(name));
  if (!envoy) return [...awaited.values()];
  try {
    return [...awaited.values(), ...missingDependencies(rest, await envoy.admin.clusters())];
  } catch (error) {
    return [...awaited.values(), `Envoy does not say what it sees: ${(error as Error).message}`];
  }
}

/** Waits until the instance's Envoy is live, but no longer than `limitMs`. */
export async function becomesLive({ envoy, clock }: Instance, limitMs: number): Promise<void> {
  const deadline = clock.monotonic() + limitMs;
  while (envoy && envoy.runner.state.phase !== "live" && clock.monotonic() < deadline) await clock.sleep(20);
}
