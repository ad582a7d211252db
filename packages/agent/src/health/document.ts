/** The health document that a service gives of itself (REQUIREMENTS R2): read from what an HTTP check was answered. */
import { cut } from "./probe.js";
import type { Outcome } from "./verdict.js";

/** The parts of the document that could be read. */
export interface HealthDocument {
  /** In the service's own words. */
  readonly status: string;
  /** As the service writes it. */
  readonly timestamp?: string;
  /** As the service counts it, usually seconds. */
  readonly uptime?: number;
  readonly version?: string;
  readonly memory?: { readonly used?: number; readonly total?: number; readonly percentage?: number };
  readonly dependencies?: Readonly<Record<string, boolean>>;
}

const longestText = 128;
const mostDependencies = 64;

/** Reads a document: a JSON object whose `status` is text. Undefined for anything else; members of another type are left out. */
export function parseDocument(body: string): HealthDocument | undefined {
  const raw = objectOf(body);
  const status = textOf(raw?.["status"]);
  if (!raw || status === undefined) return undefined;
  const { timestamp, uptime, version, memory, dependencies } = raw;
  const memoryParts = isRecord(memory)
    ? Object.fromEntries(["used", "total", "percentage"].flatMap((key) => (isNumber(memory[key]) ? [[key, memory[key]]] : [])))
    : {};
  const known = isRecord(dependencies) ? Object.entries(dependencies).filter(([, value]) => typeof value === "boolean") : [];
  return {
    status,
    ...optional("timestamp", textOf(timestamp)),
    ...optional("uptime", isNumber(uptime) ? uptime : undefined),
    ...optional("version", textOf(version)),
    ...(Object.keys(memoryParts).length > 0 ? { memory: memoryParts } : {}),
    ...(known.length > 0
      ? {
          dependencies: Object.fromEntries(
            known.slice(0, mostDependencies).map(([name, value]) => [cut(name, longestText), value as boolean]),
          ),
        }
      : {}),
  };
}

const words: Readonly<Record<string, Outcome>> = {
  healthy: "pass",
  ok: "pass",
  up: "pass",
  pass: "pass",
  degraded: "warn",
  warn: "warn",
  warning: "warn",
  unhealthy: "fail",
  down: "fail",
  fail: "fail",
  critical: "fail",
};

/** What the document's status means; undefined for a word that is none of the known ones. */
export function outcomeOf(document: HealthDocument): Outcome | undefined {
  const word = document.status.toLowerCase();
  return Object.hasOwn(words, word) ? words[word] : undefined;
}

/** The document's complaint as stable text: its status, and the dependencies that it misses. */
export function complaintOf({ status, dependencies = {} }: HealthDocument): string {
  const missing = Object.keys(dependencies).filter((name) => dependencies[name] === false);
  return `says ${status}${missing.length > 0 ? `: without ${missing.sort().join(", ")}` : ""}`;
}

function objectOf(body: string): Readonly<Record<string, unknown>> | undefined {
  if (!/^\s*\{/.test(body)) return undefined;
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? cut(value, longestText) : undefined;
}

function optional<K extends string, V>(key: K, value: V | undefined): { readonly [name in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [name in K]: V });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
