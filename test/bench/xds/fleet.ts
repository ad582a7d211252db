/** Many clients that behave like Envoys, in a process of its own: CDS, then EDS of every cluster, then LDS and RDS; they acknowledge everything. */
import http2 from "node:http2";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { TypeUrl } from "@legation/xds";

const { values } = parseArgs({
  options: { port: { type: "string" }, streams: { type: "string" }, clusters: { type: "string" }, variant: { type: "string" } },
});
const port = Number(values.port);
const streams = Number(values.streams);
const clusters = Number(values.clusters);
const delta = values.variant !== "sotw";

const { cluster: cds, endpoint: eds, listener: lds, route: rds } = TypeUrl;
const path = `/envoy.service.discovery.v3.AggregatedDiscoveryService/${delta ? "Delta" : "Stream"}AggregatedResources`;
const names = Array.from({ length: clusters }, (_, i) => `cluster-${i}`);
const nameFields = Buffer.concat(names.map((name) => field(3, name)));
const edsNames = delta ? Buffer.alloc(0) : nameFields;

let configured = 0;
let bytes = 0;
let arrivals: number[] = [];

function field(number: number, value: string | Buffer): Buffer {
  const content = typeof value === "string" ? Buffer.from(value) : value;
  const header = [(number << 3) | 2];
  let length = content.length;
  while (length > 127) {
    header.push((length & 127) | 128);
    length >>>= 7;
  }
  header.push(length);
  return Buffer.concat([Buffer.from(header), content]);
}

function frame(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}

/** What a client needs of a response; long fields are skipped, not read. */
interface Head {
  version: string;
  typeUrl: string;
  nonce: string;
  resources: number;
}

function scan(message: Buffer): Head {
  const head: Head = { version: "", typeUrl: "", nonce: "", resources: 0 };
  for (let at = 0; at < message.length; ) {
    const number = (message[at++] ?? 0) >>> 3;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (number === 2) head.resources += 1;
    else if (number === 1) head.version = message.toString("latin1", at, at + length);
    else if (number === 4) head.typeUrl = message.toString("latin1", at, at + length);
    else if (number === 5) head.nonce = message.toString("latin1", at, at + length);
    at += length;
  }
  return head;
}

function request(typeUrl: string, nonce: string, version: string, more: Buffer = Buffer.alloc(0), node?: string): Buffer {
  const parts = delta
    ? [...(node ? [field(1, field(1, node))] : []), field(2, typeUrl), more, ...(nonce ? [field(6, nonce)] : [])]
    : [
        ...(version ? [field(1, version)] : []),
        ...(node ? [field(2, field(1, node))] : []),
        more,
        field(4, typeUrl),
        ...(nonce ? [field(5, nonce)] : []),
      ];
  return frame(...parts);
}

function connect(index: number): void {
  const session = http2.connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 16 * 1024 * 1024 } });
  session.on("error", fail);
  session.once("connect", () => session.setLocalWindowSize(16 * 1024 * 1024));
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
  stream.on("error", fail);
  stream.write(request(cds, "", "", undefined, `node-${index}`));
  let pieces: Buffer[] = [];
  let have = 0;
  let need = 5;
  const seen = new Set<string>();
  let assignments = 0;
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    pieces.push(chunk);
    have += chunk.length;
    if (have < need) return;
    let buffer = pieces.length === 1 ? chunk : Buffer.concat(pieces);
    need = 5;
    while (buffer.length >= 5) {
      need = 5 + buffer.readUInt32BE(1);
      if (buffer.length < need) break;
      take(scan(buffer.subarray(5, need)));
      buffer = buffer.subarray(need);
      need = 5;
    }
    pieces = buffer.length > 0 ? [buffer] : [];
    have = buffer.length;
  });
  function take({ version, typeUrl, nonce, resources }: Head): void {
    stream.write(
      request(typeUrl, nonce, version, typeUrl === eds ? edsNames : typeUrl === rds && !delta ? field(3, "route-0") : undefined),
    );
    if (typeUrl === eds) assignments += resources;
    const first = !seen.has(typeUrl) && (typeUrl !== eds || assignments >= clusters);
    if (!first) {
      if (typeUrl === eds && seen.has(rds)) arrived();
      return;
    }
    seen.add(typeUrl);
    if (typeUrl === cds) stream.write(request(eds, "", "", nameFields));
    else if (typeUrl === eds) stream.write(request(lds, "", ""));
    else if (typeUrl === lds) stream.write(request(rds, "", "", field(3, "route-0")));
    else if (typeUrl === rds && ++configured === streams) say({ configured: now(), bytes });
  }
}

function arrived(): void {
  arrivals.push(now());
  if (arrivals.length === streams) {
    say({ arrivals });
    arrivals = [];
  }
}

function now(): number {
  return performance.timeOrigin + performance.now();
}

function say(message: Readonly<Record<string, number | readonly number[]>>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function fail(error: Error): never {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}

say({ started: now() });
for (let i = 0; i < streams; i += 1) connect(i);
createInterface({ input: process.stdin }).on("close", () => process.exit(0));
