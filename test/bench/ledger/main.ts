/** `npm run bench -- ledger`: what following every change to every proxy costs, beside the same server without a ledger. */

import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createLedger, type Ledger } from "@legation/control-plane/ledger";
import { systemClock } from "@legation/runtime";
import { createResourceCache, createXdsServer, type Resource, TypeUrl } from "@legation/xds";
import { connect } from "./fleet.js";

/** The most CPU that the ledger may add to a change, as a share of what the change costs without it. */
const mostAdded = 0.5;

const service = "orders";

/** Runs the bench. Returns the exit code: 1 when the ledger adds more than it may. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { short: { type: "boolean", default: false }, proxies: { type: "string", default: "2000" } },
  });
  const proxies = Number(values.proxies);
  if (!Number.isInteger(proxies) || proxies < 1) {
    console.error(`--proxies ${values.proxies}: use a whole number from 1`);
    return 2;
  }
  const [rounds, changes] = values.short ? [5, 10] : [15, 40];
  const sides = { without: stage(proxies, false), with: stage(proxies, true) };
  for (const side of Object.values(sides)) await side.change(changes);
  const costs: Record<keyof typeof sides, number[]> = { without: [], with: [] };
  for (let round = 0; round < rounds; round++)
    for (const side of round % 2 === 0 ? (["without", "with"] as const) : (["with", "without"] as const))
      costs[side].push((await sides[side].change(changes)) / changes);
  const [without, withLedger] = [median(costs.without), median(costs.with)];
  const added = median(costs.with.map((ms, i) => ms - (costs.without[i] ?? 0)));
  console.log(`one change to all of ${proxies} proxies, CPU; medians of ${rounds} rounds of ${changes} changes, in turns\n`);
  console.log(`without a ledger  ${without.toFixed(2)} ms`);
  console.log(`with              ${withLedger.toFixed(2)} ms  (×${(withLedger / without).toFixed(2)}; ${added.toFixed(2)} ms more)`);
  const idle = await sides.with.unaltered(values.short ? 1_000 : 10_000);
  console.log(`a change that alters nothing: ${(idle * 1_000).toFixed(1)} µs`);
  console.log(memory(sides.with.ledger));
  if (added <= mostAdded * without) return 0;
  console.error(`the ledger adds ${added.toFixed(2)} ms of CPU to a change: more than ${mostAdded} of what it costs without`);
  return 1;
}

function stage(proxies: number, isFollowed: boolean) {
  const cache = createResourceCache();
  const ledger = createLedger({
    ...{ cache, clock: systemClock, word: () => "endpoints" },
    changed: () => undefined,
    closed: () => undefined,
    describe: ({ name }) => ({ resource: name, policies: [] }),
  });
  let serial = 0;
  const content = (): Resource => {
    const version = String(++serial);
    return { typeUrl: TypeUrl.endpoint, name: service, version, bytes: Buffer.from(version) };
  };
  cache.replace("all", [content()]);
  const server = createXdsServer({
    cache,
    view: () => ({ layers: ["all"] }),
    emptyAssignments: false,
    coalescing: { perStream: 0 },
    ...(isFollowed ? { onEvent: ledger.take, onPublication: ledger.publication } : { onEvent: () => undefined }),
  });
  const fleet = connect(server, proxies, service);

  const see = (set: readonly Resource[]) => {
    const id = `registry:${service}:${serial}`;
    const item = { name: "n1/orders-1", after: serial - 1, index: serial };
    ledger.seen([{ id, kind: "registry", service, what: "n1/orders-1 registered anew: other weights", items: [item] }], () =>
      ledger.touched(service),
    );
    ledger.publishing();
    cache.patch("all", { set });
    ledger.published([service]);
  };

  return {
    ledger,
    /** Makes changes one after the other, each taken by all before the next. Resolves to the milliseconds of CPU that they took. */
    async change(count: number): Promise<number> {
      const started = process.cpuUsage();
      for (let i = 0; i < count; i++) {
        const due = fleet.acknowledged + proxies;
        const set = [content()];
        if (isFollowed) see(set);
        else cache.patch("all", { set });
        while (fleet.acknowledged < due) await new Promise((resolve) => setImmediate(resolve));
      }
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 1_000;
    },
    /** Milliseconds of CPU for each change that the reconciler makes nothing of. */
    async unaltered(count: number): Promise<number> {
      const started = process.cpuUsage();
      for (let i = 0; i < count; i++) {
        serial++;
        see([]);
      }
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 1_000 / count;
    },
  };
}

/** What the book holds, and what it takes. */
function memory({ book }: Ledger): string {
  return `${book.size} changes are kept in ${(book.bytes / 1024 / 1024).toFixed(1)} MB of records; the process's heap is ${(heap() / 1024 / 1024).toFixed(0)} MB`;
}

function heap(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
