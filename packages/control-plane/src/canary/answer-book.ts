/** What agents reported of requests, a little way back: how they fared before a canary, and since. */
import { type AgentReport, instanceKey } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import type { Answers } from "./verdict.js";

/** Samples of an instance that are kept: two minutes of regular reports; more of the time since `keepFrom`, further apart. */
const samplesKept = 12;
/** Instances of which samples are kept at most; those that have not reported for the longest go first. */
const instancesKept = 20_000;

interface Sample extends Answers {
  /** Wall-clock milliseconds. */
  readonly at: number;
}

/** The book. */
export interface AnswerBook {
  take(report: AgentReport): void;
  /** Counts from this time on (wall-clock milliseconds) are wanted however long that will be. */
  keepFrom(time: number): void;
  /** What was answered from one time until before another one (wall-clock milliseconds), as far as samples tell; by instance of a service. */
  between(service: string, from: number, to: number): ReadonlyMap<string, Answers>;
}

/** Makes an empty book. */
export function createAnswerBook(clock: Clock): AnswerBook {
  let kept = Number.POSITIVE_INFINITY;
  const instances = new Map<string, { readonly service: string; readonly samples: Sample[] }>();
  return {
    take({ node, id, service, answers }) {
      if (!answers) return;
      const key = instanceKey(node, id);
      const known = instances.get(key);
      const samples = known?.service === service ? known.samples : [];
      // An Envoy that has started anew counts from nothing.
      const last = samples.at(-1);
      if (last && (answers.requests < last.requests || answers.failures < last.failures)) samples.length = 0;
      samples.push({ ...answers, at: clock.now() });
      // The first of what is wanted stays, and with it all that was counted since.
      if (samples.length > samplesKept) samples.splice((samples[0]?.at ?? 0) >= kept ? 1 : 0, 1);
      instances.delete(key);
      instances.set(key, { service, samples });
      for (const oldest of instances.keys()) if (instances.size > instancesKept) instances.delete(oldest);
    },
    keepFrom(time) {
      kept = time;
    },
    between(service, from, to) {
      const found = new Map<string, Answers>();
      for (const [key, known] of instances) {
        if (known.service !== service) continue;
        const inside = known.samples.filter(({ at }) => at >= from && at < to);
        const [first, last] = [inside[0], inside.at(-1)];
        if (first && last) found.set(key, { requests: last.requests - first.requests, failures: last.failures - first.failures });
      }
      return found;
    },
  };
}
