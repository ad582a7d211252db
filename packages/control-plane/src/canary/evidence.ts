/** What is known of a canary: at this replica's proxies and agents, and of all replicas together. */

import type { CanaryRecord } from "@legation/mesh/policy";
import { messageOf } from "@legation/runtime";
import type { StreamStatus } from "@legation/xds";
import { wordsAbout } from "../quarantine/words.js";
import type { Replica } from "../replicas/directory.js";
import { typeWord } from "../telemetry/metrics.js";
import type { AnswerBook } from "./answer-book.js";
import type { Answers, CanaryProxy, Evidence, ServiceAnswers } from "./verdict.js";

/** The path by which replicas ask each other. */
export const canaryPath = "/api/policies/canary/evidence";

/** How long another replica is waited for; milliseconds. */
const askLimit = 2_000;

/** Since when the canary is watched; wall-clock milliseconds, undefined as long as not all proxies have it. */
export interface CanaryQuestion {
  readonly bundle: string;
  readonly since?: number | undefined;
}

/** What one replica knows. */
export type OwnEvidence = Pick<Evidence, "proxies" | "answers">;

/** By service, how requests to it fared in the window before a canary began. */
export type Baseline = (record: Pick<CanaryRecord, "bundle" | "startedAt" | "proxies" | "terms">) => ReadonlyMap<string, Answers>;

/** Makes it: of each canary it remembers what it answers first, since the book forgets sooner than a canary ends. */
export function createBaseline(book: AnswerBook): Baseline {
  let last: { readonly canary: string; readonly answers: ReadonlyMap<string, Answers> } | undefined;
  return ({ bundle, startedAt, proxies, terms }) => {
    const canary = `${bundle} ${startedAt}`;
    if (last?.canary === canary) return last.answers;
    const began = Date.parse(startedAt);
    const of = (service: string) => sumOf(book.between(service, began - terms.window * 1_000, began), () => true);
    last = { canary, answers: new Map(proxies.map(({ service }) => [service, of(service)])) };
    return last.answers;
  };
}

/** What this replica knows. */
export function ownEvidence(
  record: CanaryRecord,
  { bundle, since }: CanaryQuestion,
  o: {
    readonly streams: (wanted: (node: string) => boolean) => readonly StreamStatus[];
    readonly serves: (bundle: string) => boolean;
    readonly book: AnswerBook;
    readonly baseline: Baseline;
    readonly now: number;
  },
): OwnEvidence {
  const nodes = new Set(record.proxies.map(({ node }) => node));
  const streams = new Map(o.streams((node) => nodes.has(node)).map((stream) => [stream.node, stream]));
  const proxies = record.proxies.map(({ node }) => proxyState(node, streams.get(node), o.serves(bundle)));
  const before = o.baseline(record);
  if (since !== undefined) o.book.keepFrom(since);
  const answers = [...new Set(record.proxies.map(({ service }) => service))].map((service): ServiceAnswers => {
    const canaries = new Set(record.proxies.filter((proxy) => proxy.service === service).map(({ node }) => node));
    const now = since === undefined ? new Map<string, Answers>() : o.book.between(service, since, o.now + 1);
    return {
      service,
      canary: sumOf(now, (node) => canaries.has(node)),
      before: before.get(service) ?? { requests: 0, failures: 0 },
      peers: sumOf(now, (node) => !canaries.has(node)),
    };
  });
  return { proxies, answers };
}

function proxyState(node: string, stream: StreamStatus | undefined, serves: boolean): CanaryProxy {
  if (!stream) return { node, state: "away" };
  if (!serves) return { node, state: "pending" };
  const rejected = stream.types.flatMap((type) =>
    type.rejected.map((one) => `${typeWord(type.typeUrl)} ${one.name}: ${wordsAbout(one.name, one.message)}`),
  );
  if (rejected.length > 0) return { node, state: "refused", message: rejected.join("; ") };
  const settled = stream.ready && stream.types.every(({ outstandingSince }) => outstandingSince === undefined);
  return { node, state: settled ? "acknowledged" : "pending" };
}

function sumOf(answers: ReadonlyMap<string, Answers>, counts: (node: string) => boolean): Answers {
  let [requests, failures] = [0, 0];
  for (const [node, one] of answers) {
    if (!counts(node)) continue;
    requests += one.requests;
    failures += one.failures;
  }
  return { requests, failures };
}

/** Asks all others, and puts what they know together with one's own. A proxy is where it is connected. */
export async function allEvidence(
  own: OwnEvidence,
  question: CanaryQuestion,
  o: {
    readonly others: () => readonly Replica[];
    readonly ask: (to: Replica, path: string, body: unknown, limitMs: number, signal: AbortSignal) => Promise<unknown>;
    readonly onSilent: (why: string) => void;
  },
  signal: AbortSignal,
): Promise<OwnEvidence> {
  const asked = o.others().map(async (replica) => {
    try {
      const answer = await o.ask(replica, canaryPath, question, askLimit, signal);
      return isEvidence(answer) ? [answer] : [];
    } catch (error) {
      signal.throwIfAborted();
      o.onSilent(`${replica.address} ${messageOf(error)}`);
      return [];
    }
  });
  const all = [own, ...(await Promise.all(asked)).flat()];
  const proxies = own.proxies.map(({ node }) => {
    const said = all.flatMap((one) => one.proxies.filter((proxy) => proxy.node === node && proxy.state !== "away"));
    return said.find(({ state }) => state === "refused") ?? said[0] ?? ({ node, state: "away" } as const);
  });
  const answers = own.answers.map(({ service }) => {
    const said = all.flatMap((one) => one.answers.filter((answer) => answer.service === service));
    const sum = (pick: (one: ServiceAnswers) => Answers) =>
      said.reduce((total, one) => ({ requests: total.requests + pick(one).requests, failures: total.failures + pick(one).failures }), {
        requests: 0,
        failures: 0,
      });
    return { service, canary: sum((one) => one.canary), before: sum((one) => one.before), peers: sum((one) => one.peers) };
  });
  return { proxies, answers };
}

function isEvidence(value: unknown): value is OwnEvidence {
  return typeof value === "object" && value !== null && "proxies" in value && "answers" in value;
}
