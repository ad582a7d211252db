/** The ports that were picked for `:0`, kept so that a restart listens where its proxies look for it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Logger, writeFileAtomic } from "@legation/runtime";

/** Ports by what listens there. */
export type KeptPorts = Readonly<Record<string, number>>;

const file = (stateDir: string) => join(stateDir, "ports.json");

/** The ports of the last run; none when there was none, or the file says nothing usable (which is logged). */
export async function readKeptPorts(stateDir: string, log: Logger): Promise<KeptPorts> {
  let text: string;
  try {
    text = await readFile(file(stateDir), "utf8");
  } catch {
    return {};
  }
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return Object.fromEntries(entries.filter((entry): entry is [string, number] => isPort(entry[1])));
  } catch (error) {
    log.warn({ event: "state.ports-corrupt", path: file(stateDir), err: error }, "the kept ports cannot be read; new ones are picked");
    return {};
  }
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536;
}

/** Writes the ports for the next run. */
export async function writeKeptPorts(stateDir: string, ports: KeptPorts): Promise<void> {
  await writeFileAtomic(file(stateDir), `${JSON.stringify(ports)}\n`);
}

/**
 * Listens at `host:port`. Port 0 takes the kept port first, and any free one when that is taken, which is logged: proxies
 * that know the old port must be told. Returns the port; throws what `listen` throws for a port that was asked for.
 */
export async function listenKept(o: {
  readonly what: string;
  readonly host: string;
  readonly port: number;
  readonly kept: number | undefined;
  readonly log: Logger;
  readonly listen: (host: string, port: number) => Promise<number>;
}): Promise<number> {
  if (o.port !== 0 || o.kept === undefined) return o.listen(o.host, o.port);
  try {
    return await o.listen(o.host, o.kept);
  } catch (error) {
    const picked = await o.listen(o.host, 0);
    o.log.warn({ event: "listen.moved", what: o.what, from: o.kept, to: picked, err: error }, `${o.what} moved from port ${o.kept}`);
    return picked;
  }
}
