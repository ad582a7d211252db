/** Who changed what, and who was refused what: in the log, in memory for the API, and in files that survive a restart. */
import { join } from "node:path";
import type { AuditEntry } from "@legation/contract/api";
import { type Clock, Counter, type Logger, type Registry, type Timer } from "@legation/runtime";
import { createJournal, readJournal } from "../state/journal.js";
import { keyOfCaller, nameOfCaller } from "./caller.js";

/** What is told of a request when it has ended. */
export type AuditRecord = Omit<AuditEntry, "sequence" | "at" | "count">;

/** The audit of this replica. */
export interface Audit {
  /** Takes a record; never throws. */
  record(record: AuditRecord): void;
  /** Oldest first. */
  list(): readonly AuditEntry[];
  /** Writes what is not written yet. */
  stop(): Promise<void>;
}

/** Equal refusals are one entry for this long; milliseconds. */
export const refusalsGatheredMs = 60_000;
/** Entries of each kind in memory at most: refusals push out no changes. */
export const auditKept = 2_000;
/** Different refusals that are told apart within `refusalsGatheredMs`; the rest are one entry together. */
export const refusalsApart = 500;

type Kept = { -readonly [K in keyof AuditEntry]: AuditEntry[K] };

/** Makes the audit with the entries of earlier runs from the files in `directory`. */
export async function createAudit(o: { directory: string; metrics?: Registry; clock: Clock; log: Logger }): Promise<Audit> {
  const { clock, log } = o;
  const total = new Counter({
    name: "legation_audit_records_total",
    help: "Changes asked of this replica's API, and refusals, by what became of them.",
    labelNames: ["kind", "outcome"] as const,
    registers: o.metrics ? [o.metrics] : [],
  });
  for (const [kind, outcome] of [
    ["change", "done"],
    ["change", "failed"],
    ["refusal", "refused"],
  ] as const)
    total.inc({ kind, outcome }, 0);
  const paths = { change: join(o.directory, "changes.jsonl"), refusal: join(o.directory, "refusals.jsonl") } as const;
  const kept = { change: await restore(paths.change), refusal: await restore(paths.refusal) };
  const files = {
    change: createJournal({ what: "audit", path: paths.change, clock, log }),
    refusal: createJournal({ what: "audit", path: paths.refusal, clock, log }),
  };
  let sequence = Math.max(0, ...[...kept.change, ...kept.refusal].map((entry) => entry.sequence));
  let gathering = new Map<string, Kept>();
  let closing: Timer | undefined;

  /** Repetitions are written once, when no more are added: a reader takes the last line of a sequence number. */
  function close(): void {
    for (const entry of gathering.values()) if (entry.count > 1) files.refusal.append(entry);
    gathering = new Map();
    closing?.cancel();
    closing = undefined;
  }

  function add(record: AuditRecord): Kept {
    const entry: Kept = { sequence: ++sequence, at: new Date(clock.now()).toISOString(), count: 1, ...record };
    const list = kept[record.kind];
    list.push(entry);
    if (list.length > 2 * auditKept) list.splice(0, list.length - auditKept);
    files[record.kind].append(entry);
    const { kind, caller, action, outcome, status, requestId, target, detail } = entry;
    const text = `${nameOfCaller(caller)}: ${action}${target.length > 0 ? ` (${target.join(", ")})` : ""} ${outcome}`;
    log[kind === "refusal" ? "warn" : "info"](
      {
        event: `audit.${kind}`,
        sequence: entry.sequence,
        requestId,
        caller,
        action,
        target,
        outcome,
        status,
        ...(detail ? { detail } : {}),
      },
      text,
    );
    return entry;
  }

  return {
    record(record) {
      total.inc({ kind: record.kind, outcome: record.outcome });
      if (record.kind === "change") return void add(record);
      const full = gathering.size >= refusalsApart;
      const key = keyOf(record);
      const open = gathering.get(key) ?? (full ? gathering.get("") : undefined);
      if (open) return void open.count++;
      gathering.set(full ? "" : key, add(record));
      closing ??= clock.timeout(refusalsGatheredMs, close);
    },
    list: () => [...kept.change.slice(-auditKept), ...kept.refusal.slice(-auditKept)].sort((a, b) => a.sequence - b.sequence),
    async stop() {
      close();
      await Promise.all([files.change.stop(), files.refusal.stop()]);
    },
  };
}

/** Whoever shows no token that is known is one caller per address, whatever was asked for. */
function keyOf({ caller, action, target, status, detail }: AuditRecord): string {
  const known = caller.kind === "token" || caller.kind === "service";
  return JSON.stringify([keyOfCaller(caller), status, detail?.["code"], ...(known ? [action, ...target] : [])]);
}

async function restore(path: string): Promise<Kept[]> {
  const entries = new Map<number, Kept>();
  for (const value of await readJournal(path)) {
    if (typeof value !== "object" || value === null || !("sequence" in value) || typeof value.sequence !== "number") continue;
    entries.set(value.sequence, value as Kept);
  }
  return [...entries.values()].sort((a, b) => a.sequence - b.sequence).slice(-auditKept);
}
