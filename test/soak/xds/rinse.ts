/**
 * Brings the server's two bounded caches, of encoded responses and of decoded name lists, to the same content, however much went through
 * them before: one client fills each beyond its capacity, which empties it. Without this, what they hold by design would hide a leak.
 */
import { create } from "@bufbuild/protobuf";
import { RuntimeSchema } from "@legation/envoy-api/envoy/service/runtime/v3/rtds";
import { createResource, type ResourceCache, TypeUrl, type XdsServer } from "@legation/xds";
import { aggregatedPath } from "../../bench/xds/load/envoy.js";
import { encodeRequest, nameFields } from "../../bench/xds/load/message.js";
import { counted } from "./census.js";

/** The layer and the node id of the rinsing client. */
export const rinseLayer = "rinse";
/** More than the bytes of responses that a server keeps. */
const largeBytes = 17 * 1024 * 1024;
/** More than the lists that a server keeps, each long enough to be kept. */
const lists = 600;
const namesPerList = 32;

/** Rinses the caches of a server that shows `rinseLayer` to the node of that name; leaves nothing behind. */
export async function rinse(server: XdsServer, cache: ResourceCache): Promise<void> {
  const runtime = (bytes: number) => {
    const layer = { fields: { x: { kind: { case: "stringValue" as const, value: "x".repeat(bytes) } } } };
    return createResource(RuntimeSchema, "x", create(RuntimeSchema, { name: "x", layer: layer as never }));
  };
  let written = 0;
  const wire = {
    peer: { address: "rinse", headers: {} },
    write: (_: Buffer, done: () => void) => {
      written += 1;
      queueMicrotask(done);
    },
    end: (_status: number, message: string) => message,
    abort: () => undefined,
  };
  const call = server.accept(aggregatedPath(true), wire);
  if (!call) throw new Error("the server takes no calls");
  counted.set("xDS stream objects", call.constructor as never);
  cache.replace(rinseLayer, [runtime(largeBytes)]);
  const ask = (typeUrl: string, names: readonly string[], node?: string) =>
    call.message(encodeRequest(true, { typeUrl, names: nameFields(names), ...(node ? { node } : {}) }).subarray(5));
  ask(TypeUrl.runtime, ["x"], rinseLayer);
  await turns(() => written >= 1);
  for (let i = 0; i < lists; i += 1)
    ask(
      TypeUrl.endpoint,
      Array.from({ length: namesPerList }, (_, j) => `rinse-${i}-${j}`),
    );
  await turns(() => written >= 2);
  call.closed();
  cache.drop(rinseLayer);
}

async function turns(done: () => boolean): Promise<void> {
  for (let i = 0; i < 10_000 && !done(); i += 1) await new Promise((resolve) => setImmediate(resolve));
  if (!done()) throw new Error("the server does not answer the rinsing client");
}
