/** The conformance target: the xDS library alone on a plaintext port, with a state per node id that is set from outside over HTTP. */
import { createServer, type IncomingMessage } from "node:http";
import { parseArgs } from "node:util";
import { type DescMessage, fromJson, type JsonValue, type MessageShape } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { decode, registry } from "@legation/envoy-api";
import { formatAddress, listenError, parseAddress } from "@legation/runtime";
import { createResourceCache, createXdsServer, type Resource } from "@legation/xds";

const usage = `usage: npm run conformance-target -- [--xds-addr 127.0.0.1:18000] [--control-addr 127.0.0.1:17000]

  PUT    /nodes/{node}            {"version": "1", "resources": [Any as proto JSON, …]}  the node's whole state
  PUT    /nodes/{node}/resources  {"version": "2", "resource": Any}                      adds or replaces one
  DELETE /nodes/{node}/resources?type_url=&name=&version=                                removes one
  DELETE /nodes/{node}                                                                   clears`;

/** A request that cannot be carried out; the message is the answer's body, with status 400. */
class BadRequest extends Error {}

const versions = new Map<string, string>();
const cache = createResourceCache();
const server = createXdsServer({
  cache,
  view: ({ id }) => (versions.has(id) ? { layers: [id], version: versions.get(id) ?? "" } : undefined),
  emptyAssignments: false,
});

const { values } = parseArgs({
  options: {
    "xds-addr": { type: "string", default: "127.0.0.1:18000" },
    "control-addr": { type: "string", default: "127.0.0.1:17000" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) console.log(usage);
else {
  await run(values["xds-addr"], values["control-addr"]).catch(async (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
    await server.stop({ graceMs: 0 });
  });
}

async function run(xdsAddress: string, controlAddress: string): Promise<void> {
  const at = parseAddress(controlAddress);
  if (!at) throw listenError(new Error("it is not host:port"), { address: controlAddress, what: "control", flag: "--control-addr" });
  const { port } = await server.listen(xdsAddress, { flag: "--xds-addr" });
  const control = createServer((request, response) => {
    handle(request).then(
      () => response.writeHead(204).end(),
      (error: unknown) => {
        const status = error instanceof BadRequest ? 400 : 500;
        response.writeHead(status, { "content-type": "text/plain" }).end(`${error instanceof Error ? error.message : String(error)}\n`);
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    control.once("error", (error) => reject(listenError(error, { address: controlAddress, what: "control", flag: "--control-addr" })));
    control.listen(at.port, at.host, resolve);
  });
  const bound = control.address();
  const controlPort = typeof bound === "object" && bound ? bound.port : at.port;
  const xdsHost = parseAddress(xdsAddress)?.host ?? "127.0.0.1";
  console.log(JSON.stringify({ xds: formatAddress(xdsHost, port), control: formatAddress(at.host, controlPort) }));
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      control.close();
      control.closeAllConnections();
      void server.stop({ graceMs: 0 });
    });
  }
}

async function handle(request: IncomingMessage): Promise<void> {
  const url = new URL(request.url ?? "/", "http://target");
  const [nodes, node, what, ...rest] = segmentsOf(url.pathname);
  if (nodes !== "nodes" || !node || rest.length > 0 || (what !== undefined && what !== "resources")) throw new BadRequest(usage);
  if (request.method === "PUT") {
    const body = await readJson(request);
    const version = String(body["version"] ?? "");
    if (what) cache.patch(node, { set: [resourceOf(body["resource"], version)] });
    else
      cache.replace(
        node,
        listOf(body["resources"]).map((any) => resourceOf(any, version)),
      );
    publish(node, version);
  } else if (request.method === "DELETE" && what) {
    const { type_url: typeUrl, name, version = versions.get(node) ?? "" } = Object.fromEntries(url.searchParams);
    if (!typeUrl || name === undefined) throw new BadRequest(`which resource? give type_url and name\n\n${usage}`);
    if (!versions.has(node)) return;
    cache.patch(node, { remove: [{ typeUrl, name }] });
    publish(node, version);
  } else if (request.method === "DELETE") {
    versions.delete(node);
    cache.replace(node, []);
  } else throw new BadRequest(usage);
}

/** A node's streams are shown the new version; a node that waited for its state is answered. */
function publish(node: string, version: string): void {
  versions.set(node, version);
  server.refresh(node);
}

function segmentsOf(path: string): string[] {
  try {
    return path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    throw new BadRequest(`the path cannot be decoded\n\n${usage}`);
  }
}

async function readJson(request: IncomingMessage): Promise<Record<string, JsonValue>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  try {
    const body = JSON.parse(Buffer.concat(chunks).toString("utf8")) as JsonValue;
    if (typeof body !== "object" || body === null || Array.isArray(body)) throw new Error("it is no object");
    return body;
  } catch (error) {
    throw new BadRequest(`the body is no JSON object: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function listOf(value: JsonValue | undefined): JsonValue[] {
  if (!Array.isArray(value)) throw new BadRequest('"resources" must be a list of Any');
  return value;
}

/** A resource of exactly these bytes and this version. Its name is the field that xDS names the type by. */
function resourceOf(json: JsonValue | undefined, version: string): Resource {
  if (json === undefined) throw new BadRequest('"resource" must be an Any');
  let any: Any;
  let message: MessageShape<DescMessage>;
  try {
    any = fromJson(AnySchema, json, { registry });
    message = decode(any.typeUrl, any.value);
  } catch (error) {
    throw new BadRequest(error instanceof Error ? error.message : String(error));
  }
  const fields = message as unknown as { name?: string; clusterName?: string };
  return { typeUrl: any.typeUrl, name: fields.name ?? fields.clusterName ?? "", version, bytes: any.value };
}
