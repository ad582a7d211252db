/** A notice of leaving or arriving, told to the control planes until one of them answers for all. */
import type { RoutingNotice, RoutingReply } from "@legation/contract";
import type { Clock } from "@legation/runtime";
import type { Contacts } from "./contacts.js";

/** What a notice is told with. */
export interface RoutingOptions {
  /** The control planes' HTTP addresses without a slash at the end, in the order in which they are asked. */
  readonly apis: readonly string[];
  readonly contacts: Pick<Contacts, "ask">;
  readonly path: string;
  readonly notice: RoutingNotice;
  /** For the whole answer, milliseconds. */
  readonly limitMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** One that has not answered by then may be frozen: the next one is asked too. Milliseconds. */
const hedgeMs = 3_000;
/** A control plane names its laggards so much before the limit, so that its answer is here in time; milliseconds. */
const wayMs = 250;

/** Resolves to the first answer. Rejects with an Error that says of each control plane why it gave none, and with the signal's reason. */
export async function tellRouting(o: RoutingOptions): Promise<RoutingReply> {
  const { clock, signal } = o;
  const deadline = clock.monotonic() + o.limitMs;
  const over = new AbortController();
  const ended = AbortSignal.any([signal, over.signal]);
  const problems: string[] = [];

  const askOne = async (api: string): Promise<RoutingReply> => {
    try {
      const left = Math.max(1, Math.round(deadline - clock.monotonic()));
      const body: RoutingNotice = { ...o.notice, limitMs: Math.max(1, left - wayMs) };
      const { status, body: text } = await o.contacts.ask(api, o.path, { method: "POST", body, timeoutMs: left, signal: ended });
      if (status !== 200) throw new Error(`answered ${status}: ${text.slice(0, 200)}`);
      return JSON.parse(text) as RoutingReply;
    } catch (error) {
      problems.push(`${api} ${(error as Error).message}`);
      throw error;
    }
  };

  const asked: Promise<RoutingReply>[] = [];
  try {
    for (const api of o.apis) {
      const answer = askOne(api);
      asked.push(answer);
      const late = clock.sleep(hedgeMs, ended).then(
        () => undefined,
        () => undefined,
      );
      const reply = await Promise.race([Promise.any(asked).catch(() => undefined), failed(answer), late]);
      if (reply) return reply;
    }
    return await Promise.any(asked);
  } catch {
    signal.throwIfAborted();
    throw new Error(problems.join("; ") || "no control plane is configured");
  } finally {
    over.abort();
  }
}

/** Resolves to undefined when the answer has failed; never otherwise. */
function failed(answer: Promise<unknown>): Promise<undefined> {
  return new Promise((resolve) => answer.catch(() => resolve(undefined)));
}
