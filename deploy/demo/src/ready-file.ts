/** The ready file: addresses and pids of the running demo, for scripts. */
import { renameSync, writeFileSync } from "node:fs";
import type { Part } from "@legation/local";
import type { Shop } from "./shop.js";

/** What stands in the file. All addresses are URLs but `xds`, which is `host:port`. */
export interface ReadyFile {
  readonly consul: string;
  readonly api: string;
  readonly xds: string;
  /** `web` through its Envoy. */
  readonly web: string;
  /** The admin API of each instance's Envoy. */
  readonly envoys: Readonly<Record<string, string>>;
  /** The admin API of each instance's agent. */
  readonly agents: Readonly<Record<string, string>>;
  readonly pids: {
    readonly demo: number;
    readonly consul: number;
    readonly controlPlane: number;
    readonly instances: Readonly<Record<string, Readonly<Record<Part, number>>>>;
  };
}

/** Writes the file in one step, so that who sees it sees all of it. */
export async function writeReadyFile(path: string, shop: Shop): Promise<void> {
  const { consul, controlPlane } = shop.mesh;
  const running = [...shop.instances()].sort((a, b) => a.id.localeCompare(b.id));
  const pids = await Promise.all(running.map(async (service) => [service.id, await service.pids()] as const));
  const content: ReadyFile = {
    consul: consul.url,
    api: controlPlane.api,
    xds: controlPlane.xds,
    web: shop.web,
    envoys: Object.fromEntries(running.map(({ id, envoy }) => [id, envoy.url])),
    agents: Object.fromEntries(running.map(({ id, agent }) => [id, agent])),
    pids: { demo: process.pid, consul: consul.pid, controlPlane: controlPlane.pid, instances: Object.fromEntries(pids) },
  };
  writeFileSync(`${path}.new`, `${JSON.stringify(content, undefined, 2)}\n`);
  renameSync(`${path}.new`, path);
}
