/** The wait until the callers' proxies have acknowledged that an instance leaves, or serves: proof, or a stated time where nobody can give it. */
import type { RoutingReply } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import { pause, type StepOutcome } from "./step.js";

/** Asks the control planes for the proof; `limitMs` is for the whole answer. Rejects when none answers. */
export type AskProof = (limitMs: number, signal: AbortSignal) => Promise<RoutingReply>;

/** How long is waited; milliseconds. */
export interface AcknowledgementLimits {
  /** For the proxies; those that have not acknowledged by then are named. */
  readonly acknowledge: number;
  /** In place of the proof, from the moment at which no control plane could be reached. */
  readonly wait: number;
  /** After the proof: an acknowledgement comes from Envoy's main thread, its workers follow. */
  readonly settle: number;
}

const retryMs = 200;
const namedInText = 5;

/** Waits, and says what was waited for. Control planes that do not answer are asked again as long as the stated time runs. Never rejects. */
export async function acknowledged(ask: AskProof, limits: AcknowledgementLimits, clock: Clock, hurry: AbortSignal): Promise<StepOutcome> {
  const deadline = clock.monotonic() + limits.acknowledge;
  let lostAt: number | undefined;
  for (;;) {
    try {
      const reply = await ask(Math.max(1, Math.round(deadline - clock.monotonic())), hurry);
      if (hurry.aborted) return "hurried";
      if (reply.accepted) return (await pause(clock, limits.settle, hurry)) ? outcomeOf(reply) : "hurried";
      const whole = await pause(clock, limits.wait, hurry);
      return whole ? `the control plane does not have the instance: waited ${limits.wait} ms` : "hurried";
    } catch (error) {
      if (hurry.aborted) return "hurried";
      const now = clock.monotonic();
      lostAt ??= now;
      const left = lostAt + limits.wait - now;
      if (left <= 0) return `no control plane answers (${(error as Error).message}): waited ${limits.wait} ms`;
      if (!(await pause(clock, Math.min(retryMs, left), hurry))) return "hurried";
    }
  }
}

/** What the control planes' answer means: text where every proxy has acknowledged, and the late ones by name where not. */
export function outcomeOf({ subscribers, laggards, replicas, silent }: RoutingReply): StepOutcome {
  const planes = replicas === 1 ? "1 control plane" : `${replicas} control planes`;
  if (laggards.length === 0 && silent.length === 0)
    return subscribers === 0 ? `no proxy of ${planes} calls it` : `${all(subscribers)} of ${planes} acknowledged`;
  const late = laggards.length > 0 ? [`not acknowledged by ${named(laggards)}`] : [];
  const dead = silent.length > 0 ? [`no answer of the control plane ${silent.join(", ")}`] : [];
  const outcome = `${subscribers - laggards.length} of ${subscribers} subscribed proxies of ${planes} acknowledged; ${[...late, ...dead].join("; ")}`;
  return { outcome, laggards: [...laggards, ...silent] };
}

function named(laggards: readonly string[]): string {
  const more = laggards.length - namedInText;
  return `${laggards.slice(0, namedInText).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function all(subscribers: number): string {
  return subscribers === 1 ? "the only subscribed proxy" : `all ${subscribers} subscribed proxies`;
}
