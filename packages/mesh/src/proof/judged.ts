/** Real Envoys' judgement on many clusters and listeners at once. */
import type { JsonObject } from "@bufbuild/protobuf";
import { startEnvoy } from "./envoy.js";

/** Resources that one Envoy is given at once, about: it starts in a second or two with them. */
const atOnce = 1_500;

/**
 * Those of the clusters and listeners that Envoy does not take, by name, with what it says. Names must be unique, and each group holds
 * all clusters that its listeners name.
 */
export async function refusedByEnvoy(groups: readonly (readonly JsonObject[])[]): Promise<ReadonlyMap<string, string>> {
  const refused = new Map<string, string>();
  let batch: JsonObject[] = [];
  for (const [i, group] of groups.entries()) {
    batch.push(...group);
    if (batch.length < atOnce && i < groups.length - 1) continue;
    for (const [name, why] of await judge(batch)) refused.set(name, why);
    batch = [];
  }
  return refused;
}

async function judge(resources: readonly JsonObject[]): Promise<ReadonlyMap<string, string>> {
  const { missing } = await taking(resources);
  if (missing.length === 0) return new Map();
  const clusters = resources.filter((one) => String(one["@type"]).endsWith(".Cluster"));
  const bad = await guilty(clusters, []);
  const good = clusters.filter(({ name }) => !bad.has(String(name)));
  return new Map([
    ...bad,
    ...(await guilty(
      resources.filter((one) => !clusters.includes(one)),
      good,
    )),
  ]);
}

/** What breaks a rule of the messages themselves takes all others of its type down with it, so that these are tried in halves. */
async function guilty(suspects: readonly JsonObject[], beside: readonly JsonObject[]): Promise<ReadonlyMap<string, string>> {
  if (suspects.length === 0) return new Map();
  const { missing, log } = await taking([...beside, ...suspects]);
  const found = missing.filter((one) => suspects.includes(one));
  if (found.length < suspects.length || suspects.length === 1)
    return new Map(found.map(({ name }) => [String(name), reasonIn(log, String(name))]));
  const half = Math.ceil(suspects.length / 2);
  return new Map([...(await guilty(suspects.slice(0, half), beside)), ...(await guilty(suspects.slice(half), beside))]);
}

async function taking(resources: readonly JsonObject[]): Promise<{ readonly missing: readonly JsonObject[]; readonly log: string }> {
  const envoy = await startEnvoy(resources);
  try {
    const taken = await takenBy(envoy.admin);
    return { missing: resources.filter((one) => !taken.has(`${one["@type"]} ${one["name"]}`)), log: envoy.log() };
  } finally {
    await envoy.stop();
  }
}

async function takenBy(admin: (path: string) => Promise<string>): Promise<ReadonlySet<string>> {
  const dump = JSON.parse(await admin("/config_dump?resource=dynamic_active_clusters")) as { configs?: { cluster: JsonObject }[] };
  const clusters = (dump.configs ?? []).map(({ cluster }) => `${cluster["@type"]} ${cluster["name"]}`);
  const { listener_statuses = [] } = JSON.parse(await admin("/listeners?format=json")) as { listener_statuses?: { name: string }[] };
  return new Set([...clusters, ...listener_statuses.map(({ name }) => `type.googleapis.com/envoy.config.listener.v3.Listener ${name}`)]);
}

function reasonIn(log: string, name: string): string {
  const line = log.split("\n").find((one) => one.includes(name));
  return line?.replace(/^.*?\[(warning|error|critical)\]\S* (\[[^\]]*\] )?/, "").slice(0, 600) ?? log.slice(-600);
}
