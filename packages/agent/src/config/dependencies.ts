/** The services that a service calls: how they are written, and what is wrong with them. */
import { type Dependency, dependencyOf, dependencyWord, splitAddress } from "@legation/contract";
import { option } from "@legation/runtime";
import { nameProblem, sameHost } from "./rules.js";

const keys = ["name", "localPort", "optional"];
const howTo = "Write a name such as orders, db:15432 or cache?, or {name: db, localPort: 15432, optional: true}";

/** One dependency; held as its word, however it was written. */
const dependency = option.parsed<string>(
  "dependency",
  (raw) => {
    if (typeof raw === "string" || typeof raw === "number") return { value: String(raw).trim() };
    if (typeof raw !== "object" || raw === null || Array.isArray(raw))
      return { problem: `${JSON.stringify(raw)} is no dependency. ${howTo}.` };
    const { name, localPort: port, optional = false } = raw as Record<string, unknown>;
    const stranger = Object.keys(raw).find((key) => !keys.includes(key));
    if (stranger !== undefined) return { problem: `${JSON.stringify(stranger)} is none of ${keys.join(", ")}. ${howTo}.` };
    if (typeof name !== "string") return { problem: `${JSON.stringify(raw)} has no name. ${howTo}.` };
    if (port !== undefined && !isPort(port)) return { problem: `${JSON.stringify(port)} is no port from 1 to 65535. ${howTo}.` };
    if (typeof optional !== "boolean") return { problem: `${JSON.stringify(optional)} is not true or false. ${howTo}.` };
    return { value: dependencyWord({ name, optional, ...(port === undefined ? {} : { port }) }) };
  },
  { description: "A service" },
);

/** The option: words, or maps in a file. */
export const dependenciesOption = option.listOf(dependency, {
  description:
    "Services that this one calls; with ? behind an optional one, which never blocks the start. name:port has Envoy serve one on a port of " +
    "its own, as databases and all else that speaks tcp need it: db:15432, or in the file {name: db, localPort: 15432}",
  default: [],
  env: "SERVICE_DEPENDENCIES",
  flag: "--dependencies",
});

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535;
}

/** What is wrong with a service's dependencies by themselves: bad names and ports, itself, the same twice. */
export function dependencyProblems(words: readonly string[], self: string): string[] {
  const seen = new Set<string>();
  return words.flatMap((word) => {
    const { name } = dependencyOf(word);
    const [behindName = "", behind] = name.split(":");
    if (behind !== undefined && nameProblem(behindName) === undefined)
      return [`${JSON.stringify(word)} names no port from 1 to 65535 behind the colon. Write ${behindName}:15432, or ${behindName} alone`];
    const bad = nameProblem(name);
    if (bad) return [`${JSON.stringify(word)} ${bad}`];
    if (name === self) return [`${JSON.stringify(word)} is the service itself. A service cannot depend on itself: take it out`];
    if (seen.has(name)) return [`${JSON.stringify(word)} is named twice. Name it once, with or without ?`];
    seen.add(name);
    return [];
  });
}

/** An address that is taken on this machine, and the setting that says so. */
export interface TakenAddress {
  readonly setting: string;
  /** `host:port`; port 0 takes none. */
  readonly address: string;
}

/** Where the local ports of dependencies are opened, and beside what. */
export interface Surroundings {
  /** Envoy's outbound address without its port; brackets around IPv6 do not count. */
  readonly host: string;
  readonly taken: readonly TakenAddress[];
  /** There is an Envoy. */
  readonly envoy: boolean;
}

/** What is wrong with the local ports of dependencies: twice the same, one that is taken, or no Envoy to open them. */
export function portProblems(dependencies: readonly Dependency[], { host, taken, envoy }: Surroundings): string[] {
  const seen = new Map<number, string>();
  return dependencies.flatMap(({ name, port }) => {
    if (port === undefined) return [];
    const what = `local port ${port} of ${name}`;
    if (!envoy) return [`${what}: nobody listens there without an Envoy. Leave the port out, or set envoy.enabled`];
    const other = seen.get(port);
    if (other !== undefined) return [`${what} is that of ${other} too. Give each a port of its own`];
    seen.set(port, name);
    const clash = taken.find(({ address }) => {
      const at = splitAddress(address);
      return at?.port === port && sameHost(at.host, host);
    });
    return clash ? [`${what} is that of ${clash.setting} too. Choose another port for one of them`] : [];
  });
}

/** The addresses that Envoy opens for dependencies with a port of their own, on the host of `outbound`. */
export function dependencyAddresses(
  dependencies: readonly Dependency[],
  outbound: string,
): { readonly name: string; readonly address: string }[] {
  const host = outbound.slice(0, outbound.lastIndexOf(":"));
  return dependencies.flatMap(({ name, port }) => (port === undefined ? [] : [{ name, address: `${host}:${port}` }]));
}
