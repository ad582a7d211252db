/** From a directory of service files to what is to run: every file read, every rule between them checked, the start order known. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { splitAddress } from "@legation/contract";
import { ConfigError, codeOf, formatAddress, LegationError, loadConfig, messageOf, printConfig } from "@legation/runtime";
import { type AgentConfig, defineAgent, type Machine } from "../config/definition.js";
import { dependencyAddresses } from "../config/dependencies.js";
import { agentOptions } from "../config/options.js";
import { sameHost } from "../config/rules.js";
import { type GraphNode, graphOf, type ServiceGraph } from "./graph.js";
import { fileOptions } from "./options.js";

/** One service that is to run. */
export interface PlannedService {
  /** As messages name it. */
  readonly file: string;
  readonly config: AgentConfig;
  /** As `--print-config` writes it. */
  readonly printedConfig: string;
}

/** All services that are to run. */
export interface Plan {
  readonly services: readonly PlannedService[];
  readonly graph: ServiceGraph;
}

/** Nothing to run. */
export const emptyPlan: Plan = { services: [], graph: { layers: [], instances: () => [], dependents: () => [] } };

/** What a plan is made from besides the directory. */
export interface PlanInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Flags that set what is shared. */
  readonly argv: readonly string[];
  /** Below it each service has its state, unless its file says otherwise. */
  readonly stateDir: string;
  readonly machine: Machine;
}

/** Reads a directory. Throws a ConfigError with every problem of every file, each named by file, path and fix. */
export function planFleet(directory: string, input: PlanInput): Plan {
  const problems: string[] = [];
  const services = filesOf(directory).flatMap((file) => {
    try {
      return [readService(file, input)];
    } catch (error) {
      if (error instanceof ConfigError) problems.push(...error.problems);
      else if (error instanceof LegationError) problems.push(`${file}: ${error.message}`);
      else throw error;
      return [];
    }
  });
  problems.push(...clashes(services));
  const graph = graphOf(services.map(nodeOf));
  if ("cycles" in graph) problems.push(...graph.cycles.map(cycleProblem));
  if (problems.length > 0 || "cycles" in graph) throw new ConfigError(problems);
  return { services, graph };
}

function filesOf(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (error) {
    const reasons: Record<string, string> = {
      ENOENT: "there is no such directory",
      ENOTDIR: "it is not a directory",
      EACCES: "this user may not read it",
    };
    const reason = reasons[codeOf(error) ?? ""] ?? messageOf(error);
    throw new ConfigError([`--all ${directory}: ${reason}. Name a directory with one *.yaml file for each service.`]);
  }
  const files = names
    .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith("."))
    .sort()
    .map((name) => join(directory, name))
    .filter((file) => !isDirectory(file));
  if (files.length === 0)
    throw new ConfigError([`--all ${directory}: there is no *.yaml file in it. Put one file there for each service.`]);
  return files;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** An Envoy port that the file does not name is picked, and so is none that many services would share. */
function readService(file: string, { env, argv, stateDir, machine }: PlanInput): PlannedService {
  const loaded = loadConfig(fileOptions, { env, argv, file: { path: file, text: readText(file) } });
  const { envoy } = loaded.values;
  const own = (path: string): boolean => (loaded.origins[path] ?? "default") !== "default";
  const values = {
    ...loaded.values,
    envoy: {
      ...envoy,
      inbound: envoy.inbound ?? formatAddress(loaded.values.host, 0),
      outbound: own("envoy.outbound") ? envoy.outbound : "127.0.0.1:0",
      admin: own("envoy.admin") ? envoy.admin : "127.0.0.1:0",
    },
  };
  const config = defineAgent(values, loaded.origins, machine);
  return {
    file,
    config: own("stateDir") ? config : { ...config, stateDir: resolve(stateDir, config.service.id) },
    printedConfig: printConfig(agentOptions, values, loaded.origins),
  };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new ConfigError([`${file}: it cannot be read: ${messageOf(error)}. Make it readable, or take it out of the directory.`]);
  }
}

function nodeOf({ file, config }: PlannedService): GraphNode {
  const { id, name, dependencies } = config.service;
  return { id, service: name, file, dependencies };
}

/** What no two services may have in common. */
interface Claim {
  readonly path: string;
  readonly what: string;
  /** Of an address to listen on; equal ports of different hosts go together. */
  readonly host?: string;
  readonly fix: string;
}

/** The ids, directories and addresses that two files claim. */
function clashes(services: readonly PlannedService[]): string[] {
  const seen: (Claim & { readonly file: string })[] = [];
  return services.flatMap(({ file, config }) =>
    claimsOf(config).flatMap((claim) => {
      const other = seen.find((earlier) => earlier.what === claim.what && sameHost(earlier.host ?? "", claim.host ?? ""));
      if (!other) seen.push({ ...claim, file });
      return other ? [`${file}: ${claim.path}: ${claim.what} is that of ${other.file} (${other.path}) too. ${claim.fix}`] : [];
    }),
  );
}

function claimsOf({ service, values, inbound, stateDir }: AgentConfig): Claim[] {
  const { host, port, envoy, command } = values;
  const address = (path: string, written: string): Claim[] => {
    const at = splitAddress(written);
    const fix = path.startsWith("envoy")
      ? "Give each a port of its own, or leave it out to have one picked."
      : "Give each service a port of its own.";
    return at ? [{ path, what: `port ${at.port}`, host: at.host, fix }] : [];
  };
  return [
    { path: "id", what: `the id ${service.id}`, fix: "Give each instance an id of its own." },
    { path: "stateDir", what: `the directory ${stateDir}`, fix: "Leave stateDir out." },
    ...(command ? address("port", formatAddress(host, port)) : []),
    ...(envoy.enabled
      ? [
          ...address("envoy.inbound", inbound),
          ...address("envoy.outbound", envoy.outbound),
          ...address("envoy.admin", envoy.admin),
          ...dependencyAddresses(service.dependencies, envoy.outbound).flatMap(({ address: at }) => address("dependencies", at)),
        ]
      : []),
  ];
}

/** The ports that the files name. */
export function namedPorts({ services }: Pick<Plan, "services">): number[] {
  return services.flatMap(({ config }) => {
    const { envoy } = config.values;
    const { port, dependencies } = config.service;
    const addresses = [config.inbound, envoy.outbound, envoy.admin];
    return [port, ...dependencies.flatMap((d) => d.port ?? []), ...addresses.flatMap((address) => splitAddress(address)?.port ?? [])];
  });
}

function cycleProblem(cycle: readonly GraphNode[]): string {
  const [first, second] = [cycle[0], cycle[1] ?? cycle[0]];
  const path = [...cycle, first].map((node) => node?.service).join(" → ");
  const files = cycle.map(({ file }) => `${file}: dependencies`).join(", ");
  return `${files}: ${path} is a cycle of required dependencies: none of them could ever start. Make one optional, such as "${second?.service}?" in ${first?.file}.`;
}
