/** The log of many processes on one terminal: each line behind the name of its process, JSON made readable. */
import { stripVTControlCharacters } from "node:util";
import { clean, type Level, paint, type Screen } from "../screen.js";

/** The colours of names, in turn; yellow and red are for trouble. */
const nameColours: readonly Level[] = ["cyan", "magenta", "blue", "good"];

const levels: Readonly<Record<string, Level>> = { warn: "warn", error: "bad", fatal: "bad", debug: "faint", trace: "faint" };

/**
 * Makes lines for processes with these names. A line that came from the agent of many services (`hosts`) stands behind the name of the service
 * that it speaks of.
 */
export function lineWriter(names: readonly string[], hosts: ReadonlySet<string>, screen: Screen): (name: string, line: string) => string {
  const width = Math.max(0, ...names.map((name) => name.length));
  return (process, line) => {
    const { text, level: trouble, service } = readable(line, process === "consul");
    if (text === undefined) return "";
    const name = hosts.has(process) && service !== undefined ? service : process;
    const level = nameColours[Math.max(0, names.indexOf(name)) % nameColours.length];
    const rows = clean(stripVTControlCharacters(text), { colour: false }).split("\n");
    return rows.map((row) => `${paint(name.padEnd(width), level, screen)} | ${paint(row, trouble, screen)}\n`).join("");
  };
}

/** What Consul says of itself before its log begins. */
const banner = /^(==> |\s+[A-Z][\w ]+: |$)/;

/** What a line says. */
export interface ReadableLine {
  /** Undefined for a line that is not worth showing. */
  readonly text: string | undefined;
  readonly level?: Level;
  /** The service that it speaks of. */
  readonly service?: string;
}

/** One line of pino as its message; of Consul without its time; of anything else as it is. */
export function readable(line: string, isConsul = false): ReadableLine {
  const consul = isConsul ? /^\s*\d{4}-\S+Z? \[(\w+)\]\s+(.*)$/.exec(line) : null;
  if (consul) return isAnswer(consul[2] ?? "") ? { text: undefined } : withLevel(consul[2] ?? "", consul[1]?.toLowerCase() ?? "");
  if (isConsul && banner.test(line)) return { text: undefined };
  const entry = parse(line);
  if (!entry) return { text: line };
  const { event, msg, level, error, err } = entry;
  const problem = [error, err]
    .map((value) => (typeof value === "object" && value !== null && "message" in value ? String(value.message) : ""))
    .find(Boolean);
  const more = problem && !String(msg).includes(problem) ? `: ${problem}` : "";
  const service = typeof entry["service"] === "string" ? { service: entry["service"] } : {};
  if (event === "service.output") return { text: String(msg), ...service };
  return { ...withLevel(`${msg}${more}`, String(level)), ...service };
}

/** Consul logs what it answers to questions of agents as errors: the agents say themselves what is one. */
function isAnswer(text: string): boolean {
  return text.startsWith("agent.http: Request error");
}

function withLevel(text: string, name: string): ReadableLine {
  const level = levels[name];
  return level === undefined ? { text } : { text: `${name}: ${text}`, level };
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
    return typeof entry["msg"] === "string" ? entry : undefined;
  } catch {
    return undefined;
  }
}
