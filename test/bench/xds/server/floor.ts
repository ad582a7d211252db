/**
 * The floor: a bare `node:http2` server that writes prepared bytes and knows the order in which the bench's clients ask. It counts requests
 * and never decodes them.
 */
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { type Resource, TypeUrl } from "@legation/xds";
import { field, grpcFrame } from "../load/message.js";
import { say } from "../process.js";
import { allResources, changedEndpoints, ownNames } from "../resources.js";

const { values } = parseArgs({
  options: {
    clusters: { type: "string", default: "100" },
    endpoints: { type: "string", default: "10" },
    "own-subscriptions": { type: "boolean", default: false },
  },
});
const size = { clusters: Number(values.clusters), endpoints: Number(values.endpoints) };
const resources = allResources(size);
const byName = new Map(resources.endpoints.map((resource) => [resource.name, resource]));

/** One variant's prepared responses. */
class Prepared {
  readonly clusters: Buffer;
  readonly listener: Buffer;
  readonly route: Buffer;
  #everything: Buffer;
  /** The newest change, alone. */
  change: Buffer;
  #serial = 0;

  constructor(private readonly delta: boolean) {
    this.clusters = this.#frame(TypeUrl.cluster, resources.clusters);
    this.#everything = this.#frame(TypeUrl.endpoint, resources.endpoints);
    this.listener = this.#frame(TypeUrl.listener, [resources.listener]);
    this.route = this.#frame(TypeUrl.route, [resources.route]);
    this.change = this.#everything;
  }

  changed(resource: Resource): void {
    this.change = this.#frame(TypeUrl.endpoint, [resource]);
  }

  endpoints(node: number): Buffer {
    if (!values["own-subscriptions"]) return this.#everything;
    const own = ownNames(node, size.clusters).flatMap((name) => byName.get(name) ?? []);
    return this.#frame(TypeUrl.endpoint, own);
  }

  #frame(typeUrl: string, list: readonly Resource[]): Buffer {
    const any = (r: Resource) => [field(1, r.typeUrl), field(2, r.bytes)];
    const part = (r: Resource) =>
      field(2, Buffer.concat(this.delta ? [field(1, r.version), field(2, Buffer.concat(any(r))), field(3, r.name)] : any(r)));
    const nonce = (++this.#serial).toString(36);
    return grpcFrame(...(this.delta ? [] : [field(1, nonce)]), ...list.map(part), field(4, typeUrl), field(5, nonce));
  }
}

/** One stream: the requests that a client sends one after the other are for clusters, endpoints, listener and route, each but the first after an acknowledgement. */
class Floor {
  #requests = 0;
  #left = 0;
  #header = Buffer.alloc(0);
  #node = 0;
  #outstanding = false;
  #dirty = false;

  constructor(
    private readonly stream: http2.ServerHttp2Stream,
    private readonly prepared: Prepared,
  ) {
    stream.respond({ ":status": 200, "content-type": "application/grpc" });
    stream.on("data", (chunk: Buffer) => this.#read(chunk));
    stream.on("error", () => stream.destroy());
  }

  push(): void {
    if (this.#requests < 8 || this.#outstanding) this.#dirty = true;
    else {
      this.#outstanding = true;
      this.stream.write(this.prepared.change);
    }
  }

  #read(chunk: Buffer): void {
    if (this.#requests === 0) this.#node = Number(/node-(\d+)/.exec(chunk.toString("latin1"))?.[1] ?? 0);
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.#left, chunk.length - at);
      this.#left -= skipped;
      at += skipped;
      if (this.#left > 0) return;
      if (at > 0 && skipped > 0) this.#request();
      const taken = Math.min(5 - this.#header.length, chunk.length - at);
      this.#header = Buffer.concat([this.#header, chunk.subarray(at, at + taken)]);
      at += taken;
      if (this.#header.length < 5) return;
      this.#left = this.#header.readUInt32BE(1);
      this.#header = Buffer.alloc(0);
    }
  }

  #request(): void {
    this.#requests += 1;
    const { prepared } = this;
    if (this.#requests === 1) this.stream.write(prepared.clusters);
    else if (this.#requests === 3) this.stream.write(prepared.endpoints(this.#node));
    else if (this.#requests === 5) this.stream.write(prepared.listener);
    else if (this.#requests === 7) this.stream.write(prepared.route);
    else if (this.#requests >= 8) {
      this.#outstanding = false;
      if (!this.#dirty) return;
      this.#dirty = false;
      this.push();
    }
  }
}

const prepared = { delta: new Prepared(true), sotw: new Prepared(false) };
const streams = new Set<Floor>();
const server = http2.createServer({ settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 1_000 } });
server.on("stream", (stream, headers) => {
  const floor = new Floor(stream, headers[":path"]?.includes("Delta") ? prepared.delta : prepared.sotw);
  streams.add(floor);
  stream.once("close", () => streams.delete(floor));
});
server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 }, () => say({ port: (server.address() as AddressInfo).port }));
createInterface({ input: process.stdin })
  .on("line", (line) => {
    if (!line.startsWith("change ")) return;
    const resource = changedEndpoints(size, Number(line.slice(7)));
    for (const each of Object.values(prepared)) each.changed(resource);
    for (const floor of streams) floor.push();
  })
  .on("close", () => process.exit(0));
