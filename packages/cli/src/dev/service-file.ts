/** The service files of `legation dev`: what the files themselves decide, and what is still free. */
import { readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { agentOptions } from "@legation/agent/manual";
import { dependencyOf } from "@legation/contract";
import { ConfigError, loadConfig, messageOf, readConfigFiles } from "@legation/runtime/command-line";

/** One service file. */
export interface ServiceFile {
  /** Absolute. */
  readonly path: string;
  readonly service: string;
  /** Undefined where the agent makes it of name, host and port. */
  readonly id: string | undefined;
  /** Where the application listens. */
  readonly port: number;
  /** Names of the services that it calls. */
  readonly dependencies: readonly string[];
  /** True where the file itself says whether an Envoy runs, or where something listens. */
  readonly decides: {
    readonly host: boolean;
    readonly admin: boolean;
    readonly inbound: boolean;
    readonly outbound: boolean;
    readonly envoyAdmin: boolean;
  };
  readonly hasEnvoy: boolean;
  /** It speaks HTTP, of whichever version. */
  readonly isHttp: boolean;
}

/** What one agent runs. */
export interface ServiceGroup {
  /** Unique among the groups and the mesh's own parts; the name in front of its lines. */
  readonly label: string;
  /** What an agent with one service is called where its file does not say it: `web-1`. */
  readonly id: string;
  /** A file for one agent of its own, or a directory for one agent with all its files. */
  readonly path: string;
  readonly isDirectory: boolean;
  readonly files: readonly ServiceFile[];
}

/** Reads files and directories of them. Throws a ConfigError with everything that is wrong in any of them. */
export function readServices(paths: readonly string[]): readonly ServiceGroup[] {
  const problems: string[] = [];
  const labels = new Set(["dev", "consul", "control-plane"]);
  const groups = paths.flatMap((given) => {
    try {
      const path = resolve(given);
      const isDirectory = statSync(path).isDirectory();
      const names = isDirectory ? readdirSync(path).filter(isServiceFile).sort() : [];
      if (isDirectory && names.length === 0)
        throw new ConfigError([`${given}: there is no *.yaml in it. Name a service file, or a directory of them`]);
      const files = isDirectory ? names.map((name) => readService(join(path, name))) : [readService(path)];
      const name = isDirectory ? basename(path) : (files[0]?.service ?? "");
      const label = labelOf(name, labels);
      return [{ label, id: label === name ? `${name}-1` : label, path, isDirectory, files }];
    } catch (error) {
      problems.push(
        ...(error instanceof ConfigError ? error.problems : [`${given}: ${messageOf(error)}. Name a service file, or a directory of them`]),
      );
      return [];
    }
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return groups;
}

/** Whether a file of this name in a directory is a service file. */
export function isServiceFile(name: string): boolean {
  return /^[^.].*\.ya?ml$/.test(name);
}

/** Reads one file. Throws a ConfigError. */
export function readService(path: string): ServiceFile {
  const flag = "--config";
  const { values, origins } = loadConfig(agentOptions, { file: readConfigFiles([flag, path], flag) });
  const given = (setting: string) => origins[setting] !== "default";
  return {
    path,
    service: values.name,
    id: values.id,
    port: values.port,
    dependencies: values.dependencies.map((word) => dependencyOf(word).name),
    decides: {
      host: given("host"),
      admin: given("admin"),
      inbound: given("envoy.inbound"),
      outbound: given("envoy.outbound"),
      envoyAdmin: given("envoy.admin"),
    },
    hasEnvoy: values.envoy.enabled,
    isHttp: values.protocol !== "tcp",
  };
}

/** The name, or with a number behind it where another has it. */
function labelOf(name: string, taken: Set<string>): string {
  let label = name;
  for (let n = 2; taken.has(label); n++) label = `${name}-${n}`;
  taken.add(label);
  return label;
}
