/** Steps 1 to 4 of the stop order: out of everybody's routing first, then wait until nothing is under way. */
import type { Clock } from "@legation/runtime";
import { type AcknowledgementLimits, type AskProof, acknowledged } from "./acknowledgement.js";
import { pause, type Steps } from "./step.js";

/** What draining needs; each part is absent where the instance has none. */
export interface DrainParts {
  /** Puts the instance into Consul's maintenance; resolves when Consul has accepted. */
  readonly maintenance?: () => Promise<void>;
  /** Tells the control planes, and asks for the proof that the callers' proxies have dropped the instance. */
  readonly proof?: AskProof;
  readonly envoy?: {
    drainInbound(): Promise<void>;
    /** Requests and connections under way. */
    inFlight(): Promise<number>;
  };
}

/** Milliseconds. */
export interface DrainLimits extends AcknowledgementLimits {
  /** For callers outside the mesh. */
  readonly outsiders: number;
  /** For the requests under way. */
  readonly limit: number;
}

const acceptMs = 1_000;
const pollMs = 50;

/** Drains the instance. `hurry` cuts every wait short. Never rejects. */
export async function drain(parts: DrainParts, limits: DrainLimits, steps: Steps, clock: Clock, hurry: AbortSignal): Promise<void> {
  const { maintenance, proof, envoy } = parts;
  // Asked beside step 1: the control plane need not hear it from Consul.
  const proven = proof && acknowledged(proof, limits, clock, hurry);
  if (maintenance) await steps.run("1", "out of service in Consul, notice to the control plane", () => accepted(maintenance, clock, hurry));
  if (proven) await steps.run("2", "callers' proxies drop the instance", () => proven);
  else if (maintenance)
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

async function accepted(maintenance: () => Promise<void>, clock: Clock, hurry: AbortSignal): Promise<string> {
  const limit = new AbortController();
  const told = maintenance().then(
    () => "Consul accepted",
    (error: Error) => `Consul: ${error.message}`,
  );
  try {
    const late = pause(clock, acceptMs, AbortSignal.any([hurry, limit.signal]));
    return await Promise.race([told, late.then(() => `Consul did not accept within ${acceptMs} ms`)]);
  } finally {
    limit.abort();
  }
}

/** Waits until nothing is under way, at most `limit` milliseconds; resolves to what was seen, in words. */
export async function untilIdle(envoy: { inFlight(): Promise<number> }, limit: number, clock: Clock, hurry: AbortSignal): Promise<string> {
  const deadline = clock.monotonic() + limit;
  for (;;) {
    const left = await envoy.inFlight();
    if (left === 0) return "none is under way";
    if (clock.monotonic() >= deadline) return `${left} still under way after ${limit} ms: they are cut off`;
    if (!(await pause(clock, pollMs, hurry))) return `${left} still under way, hurried`;
  }
}

function waited(whole: boolean, ms: number): string {
  return whole ? `waited ${ms} ms` : "hurried";
}
