/** Who may call whom, as Consul says it: its intentions, and what holds where none speaks. */
import { type AgentSelf, type Answer, type Consul, ConsulError, defaultIntention, intentionsPath, watch } from "@legation/consul";
import type { KnownIntentions, Verdict } from "@legation/mesh";
import { type Clock, codeOf, createBackoff, type Logger, messageOf } from "@legation/runtime";
import { parseIntentions } from "./intention-rows.js";

/** What Consul said last, as it is kept on disk. */
export interface SaidIntentions {
  /** Consul's rows as they came. */
  readonly rows: readonly unknown[];
  /** Undefined where Consul does not say. */
  readonly byDefault: Verdict | undefined;
  /** Consul's index of the rows. */
  readonly index: number;
}

/** The source. */
export interface IntentionSource {
  start(): void;
  stop(): void;
  /** What holds now: the last good answer, of this run or the one before. */
  said(): SaidIntentions | undefined;
  /** Consul has answered, or is known not to: what is there may be served. */
  settled(): boolean;
}

/** Reads what Consul said. `byDefault`, where it is given, stands above what Consul says of it. Throws ConsulError `consul.bad-answer`. */
export function knownIntentions(said: SaidIntentions, byDefault: Verdict | undefined): KnownIntentions {
  return { intentions: parseIntentions(said.rows).intentions, byDefault: byDefault ?? said.byDefault };
}

/**
 * Makes the source. `onIntentions` is called with each answer that says something else than the one before, and `onSettled` once. What Consul
 * said stays true while it does not answer, refuses, or has come back with an older index and no intention at all: then it has lost its data.
 */
export function createIntentionSource(o: {
  readonly consul: Pick<Consul, "get">;
  readonly byDefault: Verdict | undefined;
  readonly known?: SaidIntentions | undefined;
  readonly onIntentions: (known: KnownIntentions) => void;
  readonly onSettled: () => void;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "warn">;
}): IntentionSource {
  const { consul, clock, log } = o;
  const stopping = new AbortController();
  let said = o.known;
  let text = said && textOf(said);
  let settled = false;
  const complaints = new Set<string>();

  function complainOnce(event: string, why: string, fields: object = {}): void {
    if (complaints.has(why)) return;
    complaints.add(why);
    log.warn({ event, ...fields }, why);
  }

  function settle(): void {
    if (settled) return;
    settled = true;
    o.onSettled();
  }

  async function defaultSaid(): Promise<Verdict | undefined> {
    try {
      return defaultIntention((await consul.get<AgentSelf>("/agent/self", { signal: stopping.signal })).data);
    } catch (error) {
      if (codeOf(error) !== "consul.forbidden") throw error;
      if (!o.byDefault) complainOnce("intentions.default-unknown", messageOf(error));
      return undefined;
    }
  }

  async function take(rows: unknown, { index, filteredByAcl }: Answer<unknown>): Promise<void> {
    if (filteredByAcl)
      throw new ConsulError(
        "consul.forbidden",
        'Consul hides intentions: the token lacks service_prefix "" { policy = "read" intentions = "read" }.',
      );
    const { intentions, leftOut } = parseIntentions(rows);
    const byDefault = await defaultSaid();
    if (stopping.signal.aborted) return;
    if (intentions.length === 0 && said && said.rows.length > 0 && index < said.index) {
      const why = `Consul came back without its ${said.rows.length} intentions: those hold until it has one again. Restore them, or write any and delete it`;
      complainOnce("intentions.lost", why);
      return settle();
    }
    for (const why of leftOut) complainOnce("intentions.left-out", why);
    said = { rows: rows as readonly unknown[], byDefault, index };
    const next = textOf(said);
    if (next !== text) {
      text = next;
      log.info(
        { event: "intentions.read", intentions: intentions.length, byDefault: o.byDefault ?? byDefault ?? null },
        "Consul's intentions were read",
      );
      o.onIntentions({ intentions, byDefault: o.byDefault ?? byDefault });
    }
    settle();
  }

  return {
    start() {
      watch<unknown>(
        consul,
        { path: intentionsPath },
        {
          onValue: (rows, _index, answer) => take(rows, answer),
          onError(error) {
            const meanwhile = said ? "those read before hold" : "none are known";
            complainOnce("intentions.unknown", `Consul's intentions cannot be read, and ${meanwhile}: ${messageOf(error)}`, {
              code: codeOf(error),
            });
            settle();
          },
          signal: stopping.signal,
          clock,
          backoff: createBackoff({ base: 100, max: 10_000 }),
        },
      );
    },
    stop: () => stopping.abort(new Error("the control plane stops")),
    said: () => said,
    settled: () => settled,
  };
}

function textOf({ rows, byDefault }: SaidIntentions): string {
  return JSON.stringify([rows, byDefault]);
}
