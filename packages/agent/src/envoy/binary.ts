/** Finds the Envoy to run, and refuses one that is too old. */
import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { LegationError } from "@legation/runtime";
import { isExecutable } from "../executable.js";

/** The version that Legation is tested with, and the oldest that has all that it uses. */
export const envoyVersions = { tested: "1.40.0", oldest: "1.30.0" } as const;

/** The first version known to read files below /dev; those before it refuse them as a precaution. */
export const readsDevicesFrom = "1.40.0";

/** An Envoy that can be run. */
export interface EnvoyBinary {
  readonly path: string;
  readonly version: string;
  /** What to tell when it is newer than the tested one. */
  readonly untested?: string;
}

/** The places to look, in order. */
export interface EnvoyPlaces {
  /** From the configuration or ENVOY_BIN; stands alone when given. */
  readonly configured?: string;
  readonly path?: string;
  /** The directory of downloaded tools. */
  readonly tools: string;
}

const howToGet = "Get one with `npm run setup`, install Envoy, name it with ENVOY_BIN, or run without a proxy: envoy.enabled: false";

/** The directory into which set-up puts tools, beside this repository's packages. */
export const toolsDirectory = fileURLToPath(new URL("../../../../.tools", import.meta.url));

/** The first executable among the places. Throws LegationError "envoy.missing" that says how to get one. */
export function findEnvoy(places: EnvoyPlaces): string {
  if (places.configured) {
    if (isExecutable(places.configured)) return places.configured;
    throw new LegationError("envoy.missing", `there is no executable Envoy at ${places.configured} (envoy.binary, ENVOY_BIN). ${howToGet}`);
  }
  const candidates = [
    ...(places.path ?? "")
      .split(delimiter)
      .filter(Boolean)
      .map((directory) => join(directory, "envoy")),
    join(places.tools, `envoy-${envoyVersions.tested}`, "envoy", "_bin", "envoy"),
  ];
  const found = candidates.find(isExecutable);
  if (!found) throw new LegationError("envoy.missing", `no Envoy was found in PATH or ${places.tools}. ${howToGet}`);
  return found;
}

/** Asks the binary for its version. Throws LegationError "envoy.version" when it is too old, or does not say one. */
export async function checkEnvoy(path: string, oldest: string = envoyVersions.oldest): Promise<EnvoyBinary> {
  let said: string;
  try {
    said = (await promisify(execFile)(path, ["--version"], { timeout: 20_000 })).stdout;
  } catch (error) {
    throw new LegationError("envoy.version", `${path} --version failed: ${(error as Error).message}. ${howToGet}`, { cause: error });
  }
  const version = /\/(\d+\.\d+\.\d+)[^/]*\//.exec(said)?.[1];
  if (!version) throw new LegationError("envoy.version", `${path} does not say which version of Envoy it is: ${said.trim().slice(0, 200)}`);
  if (isOlder(version, oldest))
    throw new LegationError(
      "envoy.version",
      `${path} is Envoy ${version}; Legation needs ${oldest} or later (tested with ${envoyVersions.tested}). ${howToGet}`,
    );
  const newer = isOlder(minorOf(envoyVersions.tested), minorOf(version));
  const range = `${envoyVersions.oldest} to ${envoyVersions.tested}`;
  return {
    path,
    version,
    ...(newer ? { untested: `${path} is Envoy ${version}, newer than what Legation is tested with (${range})` } : {}),
  };
}

/** True when version `a` (three numbers with dots) comes before `b`. */
export function isOlder(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function minorOf(version: string): string {
  return version.replace(/\.\d+$/, ".0");
}
