/**
 * The rows of Consul's list of intentions, read into typed values. What an intention asks for and Legation does not carry out makes it one that
 * denies: never may something unknown allow a call.
 */
import { ConsulError } from "@legation/consul";
import {
  defaultNamespace,
  type HeaderMatch,
  type Intention,
  intentionName,
  type Permission,
  patternProblem,
  type TextMatch,
} from "@legation/mesh";

/** What the list says. */
export interface IntentionReading {
  readonly intentions: readonly Intention[];
  /** What is left out because nobody in reach can be meant, in sentences. */
  readonly leftOut: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Reads `connect/intentions`. Throws ConsulError `consul.bad-answer` for what is no such list. */
export function parseIntentions(data: unknown): IntentionReading {
  if (!Array.isArray(data)) throw new ConsulError("consul.bad-answer", "Consul's list of intentions is no list.");
  const intentions: Intention[] = [];
  const leftOut: string[] = [];
  for (const row of data.map(fieldsOf)) {
    const intention = intentionOf(row);
    const stranger = ["SourcePeer", "SourcePartition", "DestinationPartition"].find(
      (key) => ![undefined, "", "default"].includes(row[key] as string),
    );
    if (stranger)
      leftOut.push(
        `intention ${intentionName(intention)} is left out: its ${stranger} is ${JSON.stringify(row[stranger])}, and nobody from elsewhere can connect`,
      );
    else intentions.push(intention);
  }
  return { intentions, leftOut };
}

function intentionOf(row: Fields): Intention {
  const service = (kind: "Source" | "Destination") => ({
    namespace: text(row, `${kind}NS`) || defaultNamespace,
    name: text(row, `${kind}Name`),
  });
  const [source, destination] = [service("Source"), service("Destination")];
  if (!source.name || !destination.name)
    throw new ConsulError("consul.bad-answer", "Consul's list of intentions has a row without SourceName or DestinationName.");
  const flaws: string[] = [];
  const rule = ruleOf(row, flaws);
  const [flaw] = flaws;
  return { source, destination, rule, ...(flaw === undefined ? {} : { flaw }) };
}

function ruleOf(row: Fields, flaws: string[]): Intention["rule"] {
  if (isSet(row["JWT"])) flaws.push("it asks for a JWT, which Legation does not check");
  if (isSet(row["SourceSamenessGroup"])) flaws.push("its source is a sameness group, which Legation does not know");
  if (![undefined, "", "consul"].includes(row["SourceType"] as string))
    flaws.push(`its SourceType is ${JSON.stringify(row["SourceType"])}`);
  const permissions = row["Permissions"];
  if (isSet(permissions)) return listOf(permissions).map((each, i) => permissionOf(fieldsOf(each), `permission ${i + 1}`, flaws));
  return verdictOf(row, "it", flaws);
}

function permissionOf(row: Fields, which: string, flaws: string[]): Permission {
  if (isSet(row["JWT"])) flaws.push(`${which} asks for a JWT, which Legation does not check`);
  unknownKeys(row, ["Action", "HTTP", "JWT"], which, flaws);
  const http = fieldsOf(row["HTTP"]);
  unknownKeys(http, ["PathExact", "PathPrefix", "PathRegex", "Header", "Methods"], which, flaws);
  const path = matchOf(http, { PathExact: "exact", PathPrefix: "prefix", PathRegex: "regex" }, which, flaws);
  return {
    action: verdictOf(row, which, flaws),
    ...(path ? { path } : {}),
    headers: listOf(http["Header"]).map((each) => headerOf(fieldsOf(each), which, flaws)),
    methods: listOf(http["Methods"]).map((method) => String(method).toUpperCase()),
  };
}

const headerKinds = { Exact: "exact", Prefix: "prefix", Suffix: "suffix", Contains: "contains", Regex: "regex" } as const;

function headerOf(row: Fields, which: string, flaws: string[]): HeaderMatch {
  unknownKeys(row, ["Name", "Present", "Invert", "IgnoreCase", ...Object.keys(headerKinds)], which, flaws);
  const match = matchOf(row, headerKinds, which, flaws);
  if (!match && row["Present"] !== true) flaws.push(`${which} names the header ${text(row, "Name")} and not what it must be`);
  if (!text(row, "Name")) flaws.push(`${which} has a header without a name`);
  return { name: text(row, "Name"), value: match ?? "present", ignoreCase: row["IgnoreCase"] === true, invert: row["Invert"] === true };
}

function matchOf(row: Fields, kinds: Readonly<Record<string, TextMatch["kind"]>>, which: string, flaws: string[]): TextMatch | undefined {
  const found = Object.entries(kinds).flatMap(([key, kind]) => (isSet(row[key]) ? [{ kind, value: text(row, key) }] : []));
  if (found.length > 1) flaws.push(`${which} says ${found.map(({ kind }) => kind).join(" and ")} at once`);
  for (const { kind, value } of found) {
    const problem = kind === "regex" ? patternProblem(value) : undefined;
    if (problem !== undefined) flaws.push(`${which}: ${problem}`);
  }
  return found[0];
}

function verdictOf(row: Fields, which: string, flaws: string[]): "allow" | "deny" {
  const action = row["Action"];
  if (action === "allow" || action === "deny") return action;
  flaws.push(`${which} has the action ${JSON.stringify(action)} instead of allow or deny`);
  return "deny";
}

function unknownKeys(row: Fields, known: readonly string[], which: string, flaws: string[]): void {
  const unknown = Object.keys(row).find((key) => !known.includes(key) && isSet(row[key]));
  if (unknown !== undefined) flaws.push(`${which} says ${unknown}, which Legation does not know`);
}

/** Versions differ in whether they leave out what is empty. */
function isSet(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== "" && value !== false;
}

function text(row: Fields, key: string): string {
  const value = row[key];
  return typeof value === "string" ? value : "";
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
