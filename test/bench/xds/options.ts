/** What the bench may be told, and the text that explains it. */
import { parseArgs } from "node:util";
import type { Cell } from "./cell.js";
import { type Effort, scenarios } from "./scenario.js";

const help = `The xDS bench: this server beside go-control-plane (where Go is installed) and beside a floor, with the same fleet, in one run.

usage: npm run bench -- xds [options]

What is measured
  --scenario NAME        push (default): a cold storm, in which all streams connect at once and are configured, then one change of one
                         endpoint after the other, the first five unmeasured. sustained: changes at a steady rate, whether or not the streams keep up. stalled: changes
                         without and with streams that read nothing; the figures are those of the others. idle: nothing happens.
  --servers A,B          of legation, go-snapshot, go-linear, floor (default: all). The floor is a bare node:http2 server that writes prepared
                         bytes: what no server on Node can go below.
The grid; each takes a list, and every combination is measured
  --streams 200,1000     --clusters 100,1000     --endpoints 10,100     --variant delta,sotw
  --processes 1          server processes, over which the streams are spread
  --own-subscriptions    each stream asks for the endpoints of its own tenth of the clusters (at least ten) instead of all
How much
  --rounds 5             of each cell; the servers take turns, and the table shows medians
  --changes 30           of each round, in push and stalled
  --rate 20,50           changes a second, in sustained
  --seconds 10           of each rate, in sustained; of idleness, in idle (clients are pinged every 30 s)
  --stalled 1            streams that read nothing, in stalled
  --short                one small cell of each variant, one round: whether every stream is configured and every change arrives
Output
  --json                 all rounds and the medians as JSON on standard output; progress stays on standard error

Times are milliseconds, from the moment at which the bench hands the change to the server until a stream holds it: p50, p99 and the last
stream are medians over the changes. "CPU" is milliseconds of processor time of the server; "client CPU" is the fleet's, which shares the
machine's cores with the server, so that times are comparable within one run only, and CPU is the figure to trust. KB/stream is resident
memory, after all of this, above that of the server without streams. arrivals: changes times streams, all of which must come.
`;

/** A run of the bench. */
export interface Options {
  readonly cells: readonly Cell[];
  readonly scenario: string;
  /** Undefined: all there are. */
  readonly servers: readonly string[] | undefined;
  readonly rounds: number;
  readonly effort: Effort;
  readonly short: boolean;
  readonly json: boolean;
}

/** Reads the command line; a string is what is to be printed instead of a run. Throws an Error that says what to write. */
export function readOptions(argv: readonly string[]): Options | string {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      scenario: { type: "string", default: "push" },
      servers: { type: "string" },
      streams: { type: "string" },
      clusters: { type: "string" },
      endpoints: { type: "string" },
      variant: { type: "string", default: "delta,sotw" },
      processes: { type: "string", default: "1" },
      "own-subscriptions": { type: "boolean", default: false },
      rounds: { type: "string" },
      changes: { type: "string" },
      rate: { type: "string", default: "20,50" },
      seconds: { type: "string", default: "10" },
      stalled: { type: "string", default: "1" },
      short: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return help;
  const { short } = values;
  const numbers = (flag: string, text: string) => text.split(",").map((each) => positive(flag, each));
  if (!Object.hasOwn(scenarios, values.scenario))
    throw new Error(`--scenario ${values.scenario}: write one of ${Object.keys(scenarios).join(", ")}`);
  const cells: Cell[] = [];
  for (const variant of values.variant.split(","))
    for (const streams of numbers("--streams", values.streams ?? (short ? "100" : "200,1000")))
      for (const clusters of numbers("--clusters", values.clusters ?? (short ? "50" : "100,1000")))
        for (const endpoints of numbers("--endpoints", values.endpoints ?? (short ? "10" : "10,100")))
          for (const processes of numbers("--processes", values.processes)) {
            if (variant !== "delta" && variant !== "sotw") throw new Error(`--variant ${variant}: write delta, sotw or delta,sotw`);
            cells.push({ variant, streams, clusters, endpoints, processes, ownSubscriptions: values["own-subscriptions"] });
          }
  return {
    cells,
    scenario: values.scenario,
    servers: values.servers?.split(","),
    rounds: positive("--rounds", values.rounds ?? (short ? "1" : "5")),
    effort: {
      changes: positive("--changes", values.changes ?? (short ? "10" : "30")),
      seconds: positive("--seconds", values.seconds),
      rates: numbers("--rate", values.rate),
      stalled: positive("--stalled", values.stalled),
    },
    short,
    json: values.json,
  };
}

function positive(flag: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number <= 0) throw new Error(`${flag} ${text}: write whole numbers above 0, with commas between them`);
  return number;
}
