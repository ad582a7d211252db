/** Steps 1 to 4 of the stop order: out of everybody's routing first, then wait until nothing is under way. */
import type { LeavingReply } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import { pause, type Steps } from "./step.js";

/** What draining needs; each part is absent where the instance has none. */
export interface DrainParts {
  /** Puts the instance into Consul's maintenance; resolves when Consul has accepted. */
  readonly maintenance?: () => Promise<void>;
  /** Tells the control plane; resolves to its answer. */
  readonly notice?: () => Promise<LeavingReply>;
  readonly envoy?: {
    drainInbound(): Promise<void>;
    /** Requests and connections under way. */
    inFlight(): Promise<number>;
  };
}

/** Milliseconds. */
export interface DrainLimits {
  /** For callers' proxies to drop the instance. */
  readonly wait: number;
  /** For callers outside the mesh. */
  readonly outsiders: number;
  /** For the requests under way. */
  readonly limit: number;
}

const acceptMs = 1_000;
const pollMs = 50;

/** Drains the instance. `hurry` cuts every wait short. Never rejects. */
export async function drain(parts: DrainParts, limits: DrainLimits, steps: Steps, clock: Clock, hurry: AbortSignal): Promise<void> {
  const { maintenance, notice, envoy } = parts;
  if (maintenance || notice)
    await steps.run("1", "out of service in Consul, notice to the control plane", async () => {
      const told = [
        ...(maintenance
          ? [
              outcome("Consul", async () => {
                await maintenance();
                return undefined;
              }),
            ]
          : []),
        ...(notice ? [outcome("the control plane", async () => answerText(await notice()))] : []),
      ];
      const limit = new AbortController();
      try {
        const late = pause(clock, acceptMs, AbortSignal.any([hurry, limit.signal])).then(() => undefined);
        const said = await Promise.race([Promise.all(told), late]);
        return said?.join(", ") ?? `not everybody accepted within ${acceptMs} ms`;
      } finally {
        limit.abort();
      }
    });
  if (maintenance || notice)
    await steps.run("2", "callers' proxies drop the instance", async () => waited(await pause(clock, limits.wait, hurry), limits.wait));
  if (limits.outsiders > 0 && maintenance)
    await steps.run("2b", "callers outside the mesh drop the instance", async () =>
      waited(await pause(clock, limits.outsiders, hurry), limits.outsiders),
    );
  if (!envoy) return;
  await steps.run("3", "inbound connections close after their present request", async () => {
    await envoy.drainInbound();
    return "Envoy is draining";
  });
  await steps.run("4", "requests under way end", () => untilIdle(envoy, limits.limit, clock, hurry));
}

async function untilIdle(envoy: NonNullable<DrainParts["envoy"]>, limit: number, clock: Clock, hurry: AbortSignal): Promise<string> {
  const deadline = clock.monotonic() + limit;
  for (;;) {
    const left = await envoy.inFlight();
    if (left === 0) return "none is under way";
    if (clock.monotonic() >= deadline) return `${left} still under way after ${limit} ms: they are cut off`;
    if (!(await pause(clock, pollMs, hurry))) return `${left} still under way, hurried`;
  }
}

async function outcome(who: string, tell: () => Promise<string | undefined>): Promise<string> {
  try {
    return `${who} ${(await tell()) ?? "accepted"}`;
  } catch (error) {
    return `${who}: ${(error as Error).message}`;
  }
}

function answerText(reply: LeavingReply): string {
  return reply.accepted ? `accepted for ${reply.subscribers} subscribed proxies` : "does not know the instance";
}

function waited(whole: boolean, ms: number): string {
  return whole ? `waited ${ms} ms` : "hurried";
}
