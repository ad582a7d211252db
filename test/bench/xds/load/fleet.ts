/** Many clients that behave like Envoys, in a process of its own. Says JSON lines; is commanded by lines on standard input. */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { now, say } from "../process.js";
import { clusterNames, ownNames } from "../resources.js";
import { Arrivals } from "./arrivals.js";
import { Envoy, endpointNames } from "./envoy.js";

const { values } = parseArgs({
  options: {
    ports: { type: "string", default: "" },
    streams: { type: "string", default: "1" },
    clusters: { type: "string", default: "1" },
    variant: { type: "string", default: "delta" },
    "own-subscriptions": { type: "boolean", default: false },
  },
});
const ports = values.ports.split(",").map(Number);
const streams = Number(values.streams);
const clusters = Number(values.clusters);
const everything = endpointNames(clusterNames(clusters));

let configured = 0;
const arrivals = new Arrivals(streams, streams, (held) => say({ held }));

function open(index: number): Envoy {
  const names = values["own-subscriptions"] ? endpointNames(ownNames(index, clusters)) : everything;
  return new Envoy(ports[index % ports.length] ?? 0, values.variant === "delta", `node-${index}`, names, {
    configured: () => {
      configured += 1;
      if (configured === streams) say({ configured: now() });
    },
    endpoints: (change) => arrivals.arrived(index, change, now()),
    ended: (reason) => {
      process.stderr.write(`stream ${index} of ${streams}: ${reason}; ${configured} were configured\n`);
      process.exit(1);
    },
  });
}

say({ started: now() });
const envoys = Array.from({ length: streams }, (_, index) => open(index));
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [word, rest = ""] = line.split(/ (.*)/s);
    if (word === "report") say({ report: arrivals.report(JSON.parse(rest)) });
    else if (word === "count") say({ count: configured });
    else if (word === "stall") {
      for (const envoy of envoys.slice(-Number(rest))) envoy.stall();
      arrivals.without(Number(rest));
      say({ stalled: Number(rest) });
    }
  })
  .on("close", () => process.exit(0));
