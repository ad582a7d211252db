/** A real Envoy that gets compiled resources from files, each kind by the subscription that it would have over ADS. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** Envoy's binary: `ENVOY_BIN`, then `PATH`, then the repository's `.tools`. Throws with the command that installs it. */
export function envoyBinary(): string {
  const fromPath = (process.env["PATH"] ?? "").split(delimiter).map((directory) => join(directory, "envoy"));
  const installed = fileURLToPath(new URL("../../../../.tools/envoy-1.40.0/envoy/_bin/envoy", import.meta.url));
  const found = [process.env["ENVOY_BIN"] ?? "", ...fromPath, installed].find((path) => path !== "" && existsSync(path));
  if (!found) throw new Error("no Envoy: run `npm run setup`, or set ENVOY_BIN");
  return found;
}

/** A running Envoy. */
export interface RunningEnvoy {
  readonly pid: number;
  /** The port that a listener was given, by the listener's name. */
  port(listener: string): Promise<number>;
  /** `GET` on the admin page. */
  admin(path: string): Promise<string>;
  /** All counters and gauges. */
  stats(): Promise<ReadonlyMap<string, number>>;
  /** What it has logged: warnings and errors. */
  log(): string;
  /**
   * Gives it other resources: of each kind those that differ, in the order secrets and rules, clusters, listeners, endpoints, routes. Returns the
   * kinds that do, by the last word of their type.
   */
  update(resources: readonly JsonObject[]): ReadonlySet<string>;
  /** Ends the process by SIGKILL and removes its files; the second call does nothing. */
  stop(): Promise<void>;
}

/**
 * Starts an Envoy with resources as JSON (`@type` and all) and returns when it is LIVE, which is when all of them are loaded or refused.
 * `ownInstances` is the assignment of its own service, by zone. ADS sources become files; listeners are bound to free ports of 127.0.0.1. What a changed filter chain leaves behind is drained at once.
 */
export async function startEnvoy(resources: readonly JsonObject[], ownInstances?: JsonObject): Promise<RunningEnvoy> {
  const binary = envoyBinary();
  const directory = mkdtempSync(join(tmpdir(), "legation-mesh-"));
  writeSubscriptions(directory, resources);
  const bootstrap = join(directory, "bootstrap.json");
  const file = (kind: string) => ({ resource_api_version: "V3", path_config_source: { path: join(directory, `${kind}.json`) } });
  writeFileSync(
    bootstrap,
    JSON.stringify({
      node: { id: "proof", cluster: "proof", locality: { region: "north", zone: "a" } },
      admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
      ...(ownInstances ? localCluster(ownInstances) : {}),
      dynamic_resources: { cds_config: file("cds"), lds_config: file("lds") },
    }),
  );
  const adminFile = join(directory, "admin");
  const args = [
    "-c",
    bootstrap,
    "--disable-hot-restart",
    "--concurrency",
    "1",
    "--admin-address-path",
    adminFile,
    "--log-level",
    "warning",
    "--drain-time-s",
    "2",
    "--drain-strategy",
    "immediate",
  ];
  const child = spawn(binary, args, { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += String(chunk);
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async () => {
    child.kill("SIGKILL");
    await exited;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await eventually(
      () => existsSync(adminFile) && readFileSync(adminFile, "utf8").includes(":"),
      child,
      () => log,
    );
    const admin = async (path: string) => (await fetch(`http://${readFileSync(adminFile, "utf8")}${path}`)).text();
    await eventually(
      async () => (await admin("/ready")).startsWith("LIVE"),
      child,
      () => log,
    );
    return {
      pid: child.pid ?? 0,
      admin,
      stop,
      log: () => log,
      update: (next) => writeSubscriptions(directory, next),
      port: (listener) => portOf(admin, listener),
      stats: () => statsOf(admin),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** By which Envoy knows how its own service is spread over zones. */
function localCluster(assignment: JsonObject): JsonObject {
  const name = "own";
  const cluster = { name, type: "STATIC", connectTimeout: "1s", loadAssignment: { ...assignment, clusterName: name } };
  return { clusterManager: { localClusterName: name }, staticResources: { clusters: [cluster] } };
}

function writeSubscriptions(directory: string, resources: readonly JsonObject[]): ReadonlySet<string> {
  const changed = new Set<string>();
  const write = (name: string, kind: JsonObject[]) => {
    const file = join(directory, `${name}.json`);
    const text = JSON.stringify({ resources: kind });
    if (existsSync(file) && readFileSync(file, "utf8") === text) return;
    for (const one of kind) changed.add(String(one["@type"]).split(".").at(-1) ?? "");
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  const of = (type: string) => resources.filter((resource) => String(resource["@type"]).endsWith(`.${type}`));
  const path = (name: string) => ({ path: join(directory, `${name}.json`) });
  const fileOf = (name: JsonValue | undefined) => `named-${String(name).replaceAll("/", "-")}`;
  const named = (name: string) => path(fileOf(name));
  for (const one of [...of("Secret"), ...of("TypedExtensionConfig")]) write(fileOf(one["name"]), [one]);
  write(
    "cds",
    of("Cluster").map((cluster) => adsToFile(cluster, path(`eds-${cluster["name"]}`), named) as JsonObject),
  );
  write(
    "lds",
    of("Listener").map((listener) => onFreePort(adsToFile(listener, path(`rds-${listener["name"]}`), named) as JsonObject)),
  );
  for (const assignment of of("ClusterLoadAssignment")) write(`eds-${assignment["clusterName"]}`, [assignment]);
  for (const routes of of("RouteConfiguration")) write(`rds-${routes["name"]}`, [routes]);
  return changed;
}

/** The same JSON with every `ads` source turned into a file: that of `named` where a secret or rules are asked for, else `source`. */
function adsToFile(value: JsonValue, source: JsonObject, named: (name: string) => JsonObject): JsonValue {
  if (Array.isArray(value)) return value.map((item) => adsToFile(item, source, named));
  if (typeof value !== "object" || value === null) return value;
  const inside = "sdsConfig" in value || "configDiscovery" in value ? named(String(value["name"])) : source;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => (key === "ads" ? ["pathConfigSource", inside] : [key, adsToFile(inner, inside, named)])),
  );
}

function onFreePort(listener: JsonObject): JsonObject {
  return { ...listener, address: { socketAddress: { address: "127.0.0.1", portValue: 0 } } };
}

async function portOf(admin: (path: string) => Promise<string>, listener: string): Promise<number> {
  const { listener_statuses } = JSON.parse(await admin("/listeners?format=json")) as {
    listener_statuses: { name: string; local_address: { socket_address: { port_value: number } } }[];
  };
  const found = listener_statuses.find((status) => status.name === listener);
  if (!found) throw new Error(`Envoy has no listener ${listener}: ${JSON.stringify(listener_statuses)}`);
  return found.local_address.socket_address.port_value;
}

async function statsOf(admin: (path: string) => Promise<string>): Promise<ReadonlyMap<string, number>> {
  const { stats } = JSON.parse(await admin("/stats?format=json")) as { stats: { name?: string; value?: number }[] };
  return new Map(stats.map(({ name = "", value = 0 }) => [name, value]));
}

async function eventually(condition: () => boolean | Promise<boolean>, child: ChildProcess, log: () => string): Promise<void> {
  const limit = Date.now() + 25_000;
  while (!(await condition())) {
    if (child.exitCode !== null) throw new Error(`Envoy exited with ${child.exitCode}: ${log()}`);
    if (Date.now() > limit) throw new Error(`Envoy is not live after 25 s: ${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
