/** Compares what a stream was sent with what its Envoy's config dump holds. Pure. */
import { type ConfigType, configTypes, type EnvoyConfig, type HeldResource, markedCount } from "@legation/contract";
import type { DriftView } from "@legation/contract/api";

/** What one stream was sent of one type; versions by name. */
export interface SentType {
  readonly type: ConfigType;
  readonly sent: Readonly<Record<string, string>>;
  readonly acknowledged: Readonly<Record<string, string>>;
  /** Names that the proxy refused: it has their last good version, or none. */
  readonly rejected: readonly string[];
  /** A response waits for its answer. */
  readonly outstanding: boolean;
  /** Of endpoints: their `endpointMark` by name. */
  readonly marks: Readonly<Record<string, string>>;
}

/** What one stream was sent. */
export interface SentConfig {
  /** False for a state-of-the-world stream: its Envoy names versions of responses, not of resources, so that names alone can be compared. */
  readonly versioned: boolean;
  readonly types: readonly SentType[];
}

/** What came out of it. */
export interface Comparison {
  readonly compared: number;
  /** Sent, and not acknowledged yet. */
  readonly pending: number;
  readonly differences: readonly DriftView[];
}

/** Compares. What is on its way is no difference, and where the dump was cut nothing is called missing. */
export function compareConfig({ versioned, types }: SentConfig, { held, leftOut }: Pick<EnvoyConfig, "held" | "leftOut">): Comparison {
  let compared = 0;
  let pending = 0;
  const differences: DriftView[] = [];
  for (const type of configTypes) {
    const wanted = types.find((one) => one.type === type);
    const rows = byName(held[type]);
    const known = wanted ?? { type, sent: {}, acknowledged: {}, rejected: [], outstanding: false, marks: {} };
    for (const [name, version] of Object.entries(known.sent)) {
      compared++;
      if (known.acknowledged[name] !== version) pending++;
      else {
        const found = rows.get(name) ?? [];
        const difference = type === "endpoints" ? endpointsOf(known, name, found) : differenceOf(known, name, found, versioned);
        if (difference && !(difference.kind === "missing" && leftOut > 0)) differences.push(difference);
      }
    }
    if (type !== "endpoints" && !known.outstanding) differences.push(...extraOf(known, rows));
  }
  return { compared, pending, differences };
}

/** The differences of `later` that were there before too: what one look saw half has settled at the next. */
export function lasting(earlier: readonly DriftView[], later: readonly DriftView[]): readonly DriftView[] {
  const key = ({ type, name, kind, sent }: DriftView): string => JSON.stringify([type, name, kind, sent]);
  const before = new Set(earlier.map(key));
  return later.filter((difference) => before.has(key(difference)));
}

function byName(rows: readonly HeldResource[]): ReadonlyMap<string, readonly HeldResource[]> {
  const found = new Map<string, HeldResource[]>();
  for (const row of rows) {
    const others = found.get(row.name);
    if (others) others.push(row);
    else found.set(row.name, [row]);
  }
  return found;
}

function differenceOf({ type, sent }: SentType, name: string, rows: readonly HeldResource[], versioned: boolean): DriftView | undefined {
  const version = sent[name] ?? null;
  const same = (row: HeldResource): boolean => !versioned || row.version === version;
  const active = rows.filter(({ state }) => state === undefined);
  if (active.some(same)) return undefined;
  const warming = rows.find((row) => row.state === "warming" && same(row));
  const failed = rows.find((row) => row.state === "failed" && same(row));
  const at = { type, name, sent: version };
  if (failed) {
    const text = `${type} ${name}: Envoy could not put it into effect: ${failed.message ?? "it does not say why"}`;
    return { ...at, kind: "failed", held: failed.version, since: failed.since ?? null, text };
  }
  if (warming) {
    const since = warming.since === undefined ? "" : ` since ${warming.since}`;
    const text = `${type} ${name}: warming${since}: Envoy has it, and waits for what it needs before it uses it`;
    return { ...at, kind: "warming", held: warming.version, since: warming.since ?? null, text };
  }
  const [other] = active;
  if (other) {
    const text = `${type} ${name}: Envoy holds version ${other.version}; ${version} was sent and acknowledged`;
    return { ...at, kind: "other-version", held: other.version, since: null, text };
  }
  const text = `${type} ${name}: Envoy does not hold it; ${version} was sent and acknowledged`;
  return { ...at, kind: "missing", held: null, since: null, text };
}

/** Of endpoints a dump tells no version, but their addresses. An assignment for a cluster that Envoy does not have is told there. */
function endpointsOf({ type, sent, marks }: SentType, name: string, [row]: readonly HeldResource[]): DriftView | undefined {
  const mark = marks[name];
  if (mark === undefined || !row || row.version === mark) return undefined;
  const [held, wanted] = [markedCount(row.version), markedCount(mark)];
  const some = `${held} ${held === 1 ? "address" : "addresses"}`;
  const what = held === wanted ? `${some}, and not those that were sent` : `${some}; ${wanted} were sent`;
  const text = `${type} ${name}: Envoy holds ${what}`;
  return { type, name, kind: "other-endpoints", sent: sent[name] ?? null, held: row.version, since: null, text };
}

function extraOf({ type, sent, rejected }: SentType, rows: ReadonlyMap<string, readonly HeldResource[]>): DriftView[] {
  const found: DriftView[] = [];
  for (const [name, held] of rows) {
    // What was refused is told as that; what only drains is on its way out.
    const row = held.find(({ state }) => state === undefined || state === "warming");
    if (!row || sent[name] !== undefined || rejected.includes(name)) continue;
    const text = `${type} ${name}: Envoy holds it in version ${row.version}, and it was not sent`;
    found.push({ type, name, kind: "extra", sent: null, held: row.version, since: row.since ?? null, text });
  }
  return found;
}
