/** What of a service's health outlives the agent: `health.json` in the state directory, written whole, at most some tens of kilobytes. */
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import type { CheckResult, CheckVerdict } from "./monitor.js";
import type { Bucket, UptimeRecord } from "./uptime.js";

/** The file's content. */
export interface HealthRecord {
  readonly uptime?: UptimeRecord;
  readonly history: readonly CheckResult[];
  /** By the name of the check. */
  readonly verdicts: Readonly<Record<string, CheckVerdict>>;
}

/** Where the record is kept. */
export interface RecordFile {
  /** The last record; an empty one the first time. `onLost` is told why when there is a file that cannot be used. */
  read(onLost: (why: string) => void): HealthRecord;
  /** Throws Node's error when it cannot be written; the old file is then untouched. */
  write(record: HealthRecord): void;
}

const mostBytes = 256 * 1024;
const mostResults = 100;
const mostBuckets = 200;
const empty: HealthRecord = { history: [], verdicts: {} };

/** The record at that path. */
export function openRecord(path: string): RecordFile {
  return {
    read(onLost) {
      try {
        if (statSync(path).size > mostBytes) throw new Error(`it is larger than ${mostBytes} bytes`);
        const record = recordOf(JSON.parse(readFileSync(path, "utf8")));
        if (!record) throw new Error("it is not of version 1");
        return record;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") onLost((error as Error).message);
        return empty;
      }
    },
    write(record) {
      writeFileSync(`${path}.new`, `${JSON.stringify({ version: 1, ...record })}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
  };
}

/** What can be used of a file's content: whole results and buckets; undefined when it is no record at all. */
function recordOf(content: unknown): HealthRecord | undefined {
  if (!isRecord(content) || content["version"] !== 1) return undefined;
  const { uptime, history, verdicts } = content;
  return {
    ...(isUptime(uptime) ? { uptime } : {}),
    history: Array.isArray(history) ? history.filter(isResult).slice(-mostResults) : [],
    verdicts: Object.fromEntries(
      Object.entries(isRecord(verdicts) ? verdicts : {}).filter((entry): entry is [string, CheckVerdict] => isVerdict(entry[1])),
    ),
  };
}

function isUptime(value: unknown): value is UptimeRecord {
  if (!isRecord(value) || !isCount(value["at"]) || !isCount(value["position"])) return false;
  const position = value["position"];
  const fits = (size: number) => (bucket: unknown) => isBucket(bucket, size, position);
  return (["minutes", "hours"] as const).every((name) => {
    const buckets = value[name];
    return Array.isArray(buckets) && buckets.length <= mostBuckets && buckets.every(fits(name === "minutes" ? 60_000 : 3_600_000));
  });
}

/** A bucket holds no more time than fits in it, and none that is still to come. */
function isBucket(value: unknown, size: number, position: number): value is Bucket {
  if (!Array.isArray(value) || value.length !== 3 || !value.every(isCount)) return false;
  const [index, up, down] = value as [number, number, number];
  return index * size <= position && up + down <= size + 1;
}

function isResult(value: unknown): value is CheckResult {
  if (!isRecord(value)) return false;
  const { check, outcome, message, at, responseTimeMs } = value;
  return isText(check) && isText(message) && isCount(at) && isCount(responseTimeMs) && ["pass", "warn", "fail"].includes(String(outcome));
}

function isVerdict(value: unknown): value is CheckVerdict {
  if (!isRecord(value)) return false;
  const { level, failures, successes, message, output } = value;
  return (
    (level === "HEALTHY" || level === "DEGRADED") &&
    isCount(failures) &&
    isCount(successes) &&
    isText(message) &&
    (output === undefined || isText(output))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Zero or more, and no moment that a Date cannot hold. */
function isCount(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= 8.64e15;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= 1_024;
}
