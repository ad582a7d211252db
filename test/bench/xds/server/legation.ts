/** Our server with the bench's resources, in a process of its own, commanded by lines on standard input. */
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { createResourceCache, createXdsServer } from "@legation/xds";
import { say } from "../process.js";
import { allResources, changedEndpoints } from "../resources.js";

const { values } = parseArgs({ options: { clusters: { type: "string", default: "100" }, endpoints: { type: "string", default: "10" } } });
const size = { clusters: Number(values.clusters), endpoints: Number(values.endpoints) };
const { clusters, endpoints, listener, route } = allResources(size);
const cache = createResourceCache();
cache.replace("all", [...clusters, ...endpoints, listener, route]);
const server = createXdsServer({ cache, view: () => ({ layers: ["all"] }) });
const { port } = await server.listen("127.0.0.1:0");
say({ port });
createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (line.startsWith("change ")) cache.patch("all", { set: [changedEndpoints(size, Number(line.slice(7)))] });
  })
  .on("close", () => process.exit(0));
