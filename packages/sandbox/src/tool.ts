/** Finding the programs that a mesh runs on, and Prometheus that may watch it: Envoy, Consul, and the `legation` command of this repository. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { LegationError } from "@legation/runtime";

/** A program that was found, and the version that it says of itself. */
export interface Tool {
  readonly path: string;
  readonly version: string;
}

/** The Consul versions that the set-up brings: with a web UI, and the oldest that Legation works with. */
export type ConsulVersion = "1.19.2" | "1.8.7";

/** Where tools are looked for. */
export interface ToolPlaces {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The repository's root, whose `.tools` the set-up fills. */
  readonly root?: string;
}

/** The root of this repository. */
export const repositoryRoot: string = fileURLToPath(new URL("../../../", import.meta.url));

/** The `legation` command, as the arguments behind `node`. */
export const legationCommand: string = join(repositoryRoot, "packages/cli/bin/legation.js");

const oldestEnvoy = "1.30.0";
const oldestConsul = "1.8.0";

/**
 * Envoy: `ENVOY_BIN`, else `PATH` if not too old, else the one of the set-up. Throws a LegationError with code `local.tool` that says
 * where it was looked for and how to get it.
 */
export function findEnvoy({ env = process.env, root = repositoryRoot }: ToolPlaces = {}): Tool {
  const own = join(root, ".tools/envoy-1.40.0/envoy/_bin/envoy");
  return find("Envoy", "ENVOY_BIN", [...named(env, "ENVOY_BIN"), ...onPath(env, "envoy"), own], (path) => {
    const version = /\/(\d+\.\d+\.\d+)\//.exec(ask(path, "--version"))?.[1];
    return version && isAtLeast(version, oldestEnvoy) ? version : `${version ?? "unknown version"}; ${oldestEnvoy} or later is needed`;
  });
}

/**
 * Consul: `CONSUL_BIN`, else `PATH`, else the ones of the set-up, newest first. With `wanted`, only a binary of exactly that version.
 * Throws as `findEnvoy`.
 */
export function findConsul({ env = process.env, root = repositoryRoot, wanted }: ToolPlaces & { wanted?: ConsulVersion } = {}): Tool {
  const own = [join(root, ".tools/consul-1.19.2/consul"), join(root, ".tools/consul-1.8.7/usr/bin/consul")];
  return find(
    wanted ? `Consul ${wanted}` : "Consul",
    "CONSUL_BIN",
    [...named(env, "CONSUL_BIN"), ...onPath(env, "consul"), ...own],
    (path) => {
      const version = /Consul v(\d+\.\d+\.\d+)/.exec(ask(path, "version"))?.[1];
      if (version && (wanted ? version === wanted : isAtLeast(version, oldestConsul))) return version;
      return `${version ?? "unknown version"}; ${wanted ?? `${oldestConsul} or later`} is needed`;
    },
  );
}

/** The versions of the set-up that can be had here, newest first. The oldest is missing where the set-up could not get it. */
export function consulVersions(places: ToolPlaces = {}): readonly ConsulVersion[] {
  return (["1.19.2", "1.8.7"] as const).filter((wanted) => {
    try {
      return findConsul({ ...places, wanted }).version === wanted;
    } catch {
      return false;
    }
  });
}

/** Prometheus, and promtool beside it: `PROMETHEUS_BIN`, else the one of the set-up with `--prometheus`. Throws as `findEnvoy`. */
export function findPrometheus({ env = process.env, root = repositoryRoot }: ToolPlaces = {}): Tool & { readonly promtool: string } {
  const own = join(root, ".tools/prometheus-2.24.1/usr/bin/prometheus");
  const found = find(
    "Prometheus",
    "PROMETHEUS_BIN",
    [...named(env, "PROMETHEUS_BIN"), own],
    (path) => /version (\d+\.\d+\.\d+)/.exec(ask(path, "--version"))?.[1] ?? "unknown version",
    "npm run setup -- --prometheus",
  );
  return { ...found, promtool: join(dirname(found.path), "promtool") };
}

function find(name: string, variable: string, paths: readonly string[], check: (path: string) => string, setup = "npm run setup"): Tool {
  const looked: string[] = [];
  for (const path of paths) {
    if (!isProgram(path)) {
      looked.push(`${path} (not there)`);
      continue;
    }
    const answer = check(path);
    if (/^\d+\.\d+\.\d+$/.test(answer)) return { path, version: answer };
    looked.push(`${path} (${answer})`);
  }
  throw new LegationError(
    "local.tool",
    `${name} was not found. Install it and name it with ${variable}, or run "${setup}" in Legation's repository. Looked at: ${looked.join(", ")}`,
  );
}

function named(env: Readonly<Record<string, string | undefined>>, variable: string): string[] {
  const path = env[variable];
  return path ? [path] : [];
}

function onPath(env: Readonly<Record<string, string | undefined>>, program: string): string[] {
  return (env["PATH"] ?? "")
    .split(delimiter)
    .filter(Boolean)
    .map((dir) => join(dir, program))
    .filter(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** What it says on either output: some tell their version on standard error. */
function ask(path: string, argument: string): string {
  const { stdout, stderr } = spawnSync(path, [argument], { encoding: "utf8", timeout: 20_000, stdio: ["ignore", "pipe", "pipe"] });
  return `${stdout ?? ""}${stderr ?? ""}`;
}

function isAtLeast(version: string, oldest: string): boolean {
  const [a, b] = [version, oldest].map((v) => v.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
