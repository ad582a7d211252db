/** A real Prometheus over a mesh, with the configuration and the rules of deploy/prometheus at a pace for tests. */
import { execFile } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findPrometheus, type Mesh, repositoryRoot, until } from "@legation/local";

/** Where the shipped configuration and rules are. */
export const rulesDirectory: string = join(repositoryRoot, "deploy/prometheus");

/** The Prometheus that can be had here: one, or none. */
export const prometheusHere: readonly { readonly path: string; readonly promtool: string; readonly version: string }[] = (() => {
  try {
    return [findPrometheus()];
  } catch {
    return [];
  }
})();

/** What a command said, and its exit code. */
export interface Ran {
  readonly code: number;
  readonly said: string;
}

/** Runs promtool; `input` goes to its standard input. */
export function promtool(args: readonly string[], input = ""): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(findPrometheus().promtool, [...args], { cwd: rulesDirectory, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, said: out + err }),
    );
    child.stdin?.end(input);
  });
}

/** One answer of a query. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A Prometheus that runs. */
export interface Prometheus {
  query(expression: string): Promise<readonly Sample[]>;
  /** The names of the alerts that fire. */
  firing(): Promise<readonly string[]>;
  /** `job/health` of each target. */
  targets(): Promise<readonly string[]>;
}

/** Starts it: scrapes and evaluates each second, and no alert waits. */
export async function startPrometheus(mesh: Mesh): Promise<Prometheus> {
  const { sandbox, consul, acl } = mesh;
  const dir = sandbox.makeDir("prometheus");
  for (const file of readdirSync(rulesDirectory).filter((name) => name.endsWith(".rules.yml"))) {
    copyFileSync(join(rulesDirectory, file), join(dir, file));
    writeFileSync(join(dir, file), readFileSync(join(dir, file), "utf8").replace(/^ +for: .*\n/gm, ""));
  }
  const token = await acl?.token("prometheus");
  if (token) writeFileSync(join(dir, "token"), token);
  const config = readFileSync(join(rulesDirectory, "prometheus.yml"), "utf8")
    .replaceAll("127.0.0.1:8500", consul.url.replace("http://", ""))
    .replaceAll("15s", "1s");
  const withTokens = config.replaceAll("# token: …", `token: ${token}`).replace(/# (bearer_token_file:).*/, `$1 ${join(dir, "token")}`);
  const file = join(dir, "prometheus.yml");
  writeFileSync(file, (token ? withTokens : config).replaceAll(/^( +)- server: .*$/gm, "$&\n$1  refresh_interval: 1s"));
  const address = `127.0.0.1:${await sandbox.ports.free()}`;
  const flags = [`--config.file=${file}`, `--storage.tsdb.path=${join(dir, "data")}`, `--web.listen-address=${address}`];
  const child = await sandbox.start({ name: "prometheus", file: findPrometheus().path, args: flags });
  sandbox.onStop(() => child.stop(10_000));
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`http://${address}/api/v1/${path}`, { signal: AbortSignal.timeout(10_000) });
    const { data, error } = (await answer.json()) as { data: T; error?: string };
    if (!answer.ok) throw new Error(`${path}: ${error}`);
    return data;
  };
  await until(
    async (note) => {
      note(child.tail(3));
      return await fetch(`http://${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    },
    { what: "Prometheus to be ready", limitMs: 30_000 },
  );
  return {
    async query(expression) {
      type Row = { metric: Record<string, string>; value: [number, string] };
      const { result } = await get<{ result: readonly Row[] }>(`query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async firing() {
      const { alerts } = await get<{ alerts: readonly { state: string; labels: Record<string, string> }[] }>("alerts");
      return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels["alertname"] ?? "");
    },
    async targets() {
      type Target = { labels: Record<string, string>; health: string; lastError: string };
      const { activeTargets } = await get<{ activeTargets: readonly Target[] }>("targets?state=active");
      return activeTargets.map(({ labels, health, lastError }) => `${labels["job"]}/${health}${lastError}`);
    },
  };
}
