/** What one measurement is about: how many of everything, which variant, and the servers that take part. */
import { fileURLToPath } from "node:url";

/** One cell of the grid. */
export interface Cell {
  readonly variant: "delta" | "sotw";
  readonly streams: number;
  readonly clusters: number;
  readonly endpoints: number;
  /** Server processes over which the streams are spread. */
  readonly processes: number;
  /** Whether each stream asks for the endpoints of its own tenth of the clusters, instead of all. */
  readonly ownSubscriptions: boolean;
}

/** A server to measure. */
export interface Contender {
  readonly name: string;
  /** The command that starts it with the cell's resources. */
  command(cell: Cell): readonly string[];
}

const built = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const sizes = ({ clusters, endpoints }: Cell) => ["--clusters", String(clusters), "--endpoints", String(endpoints)];

/** The servers by the names that `--servers` takes. `peer` is the path of the built peer; without it only those in Node are there. */
export function contenders(peer: string | undefined): ReadonlyMap<string, Contender> {
  const all = new Map<string, Contender>();
  const node = (name: string, file: string, own: boolean) =>
    all.set(name, {
      name,
      command: (cell) => [process.execPath, built(file), ...sizes(cell), ...(own && cell.ownSubscriptions ? ["--own-subscriptions"] : [])],
    });
  node("legation", "server/legation.js", false);
  if (peer)
    for (const cache of ["snapshot", "linear"])
      all.set(`go-${cache}`, {
        name: `go-${cache}`,
        command: (cell) => [peer, ...sizes(cell), "--cache", cache, ...(cell.ownSubscriptions ? ["--partial"] : [])],
      });
  node("floor", "server/floor.js", true);
  return all;
}

/** The command of the fleet that goes with a cell. */
export function fleetCommand({ variant, streams, clusters, ownSubscriptions }: Cell, ports: readonly number[]): readonly string[] {
  const numbers = ["--ports", ports.join(), "--streams", String(streams), "--clusters", String(clusters)];
  return [process.execPath, built("load/fleet.js"), ...numbers, "--variant", variant, ...(ownSubscriptions ? ["--own-subscriptions"] : [])];
}
