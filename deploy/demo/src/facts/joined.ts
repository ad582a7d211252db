/** A new instance is started: after slow start it has its share of the requests. */
import { setTimeout as sleep } from "node:timers/promises";
import { type ServiceProcess, until } from "@legation/local";
import { inEveryEnvoy } from "./endpoint.js";
import { during, type Fact, failures, hold, took } from "./fact.js";

const tolerance = 0.2;
const measureMs = 15_000;

export const joined: Fact = {
  title: "a new instance gets its share, within 20 % after slow start",
  async observe(stage) {
    const start = performance.now();
    const service = await stage.shop.open("orders", "orders-4");
    const used = await inEveryEnvoy(stage.shop, service, start);
    const slowStart = await slowStartOf(stage.shop.instance("web-1"), "orders");
    await sleep(slowStart);
    await noneEjected(stage.shop.instance("web-1"), "orders");
    const { report } = await during(stage, () => sleep(measureMs));
    const instances = stage.shop.instances("orders");
    const total = instances.reduce((sum, { id }) => sum + (report.byInstance[id] ?? 0), 0);
    const [share, fair] = [(report.byInstance[service.id] ?? 0) / total, 1 / instances.length];
    const percent = (value: number) => `${(value * 100).toFixed(1)} %`;
    const seen =
      `${percent(share)} of the requests where ${percent(fair)} is fair, ${took(slowStart)} after slow start began; ` +
      `in use ${took(used)} after its start; ${failures(report)}`;
    hold(Math.abs(share - fair) <= tolerance * fair && report.failed === 0, seen);
    return seen;
  },
};

/** An earlier fact's failures may still keep an instance out, by outlier detection; then shares are not even. */
async function noneEjected({ id, envoy }: ServiceProcess, cluster: string): Promise<void> {
  await until(
    async (note) => {
      const ejected = (await envoy.clusters()).get(cluster)?.filter((endpoint) => endpoint.ejected) ?? [];
      note(ejected.map(({ address }) => address));
      return ejected.length === 0;
    },
    { what: `${id}'s Envoy to take back every instance of ${cluster} that it had ejected`, limitMs: 90_000 },
  );
}

/** The longest slow start window of a cluster, milliseconds, as that Envoy has it. */
async function slowStartOf({ envoy }: ServiceProcess, cluster: string): Promise<number> {
  const text = JSON.stringify(clusterIn(await envoy.configDump(), cluster));
  const windows = [...text.matchAll(/"slow_start_window":"([\d.]+)s"/g)].map(([, seconds]) => Number(seconds) * 1_000);
  return Math.max(0, ...windows);
}

function clusterIn(dump: unknown, name: string): unknown {
  const { configs = [] } = dump as { configs?: { dynamic_active_clusters?: { cluster?: { name?: string } }[] }[] };
  return configs.flatMap((part) => part.dynamic_active_clusters ?? []).find(({ cluster }) => cluster?.name === name) ?? {};
}
