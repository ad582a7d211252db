/** A client without a socket that plays a script: each request is written out, each response looked at. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { NodeSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
  DeltaDiscoveryResponseSchema,
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
  DiscoveryResponseSchema,
} from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import { statusMessage } from "../excerpt.js";
import type { XdsServer } from "../server.js";
import { type Call, type Peer, Status, type Wire } from "../transport.js";

const aggregated = "/envoy.service.discovery.v3.AggregatedDiscoveryService/";

/** The fields of a request that a script may give; the node is added to the first. */
type Fields<T> = Omit<Partial<T>, "node" | "errorDetail" | "$typeName" | "$unknown"> & {
  readonly errorDetail?: { code: number; message: string };
  /** Instead of the node that goes with the first request. */
  readonly node?: MessageInitShape<typeof NodeSchema>;
};

/** Lets everything that is due in this turn and the next ones happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** The transport's other end: keeps what was written, and lets the server write on unless it is stalled. */
export class ScriptedWire implements Wire {
  readonly frames: Buffer[] = [];
  ended: { readonly status: number; readonly message: string } | undefined;
  aborted = false;
  /** While true, nothing that the server writes is taken. */
  stalled = false;
  #pending: (() => void)[] = [];

  constructor(readonly peer: Peer = { address: "test", headers: {} }) {}

  write(frame: Buffer, done: () => void): void {
    this.frames.push(frame);
    if (this.stalled) this.#pending.push(done);
    else done();
  }

  end(status: number, message: string): string {
    const told = statusMessage(message);
    this.ended ??= { status, message: told };
    return told;
  }

  abort(): void {
    this.aborted = true;
  }

  /** Takes what was held back. */
  resume(): void {
    this.stalled = false;
    const pending = this.#pending;
    this.#pending = [];
    for (const done of pending) done();
  }
}

abstract class Client {
  readonly wire: ScriptedWire;
  readonly call: Call;
  #named = false;

  /** Opens a call of `path` to the server; the first request carries a node with id `node`. */
  constructor(
    server: XdsServer,
    readonly node: string,
    path: string,
    peer?: Peer,
  ) {
    this.wire = new ScriptedWire(peer);
    const call = server.accept(path, this.wire);
    if (!call) throw new Error(`no method ${path}`);
    this.call = call;
  }

  /** The status that the server ended the stream with. */
  get ended(): { readonly status: number; readonly message: string } | undefined {
    return this.wire.ended;
  }

  /** Gives the server bytes that may be no request at all, as the transport would. */
  sendBytes(bytes: Uint8Array): void {
    try {
      this.call.message(Buffer.from(bytes));
    } catch (error) {
      this.wire.end(Status.INTERNAL, String(error));
      this.call.closed();
    }
  }

  /** The frames that came since the last look, after everything due has happened. */
  async takeFrames(): Promise<Buffer[]> {
    await settle();
    return this.wire.frames.splice(0);
  }

  protected nodeOnce(): { node?: { id: string } } {
    if (this.#named) return {};
    this.#named = true;
    return { node: { id: this.node } };
  }
}

/** A client of the incremental variant. */
export class DeltaClient extends Client {
  constructor(server: XdsServer, node = "node", path = `${aggregated}DeltaAggregatedResources`, peer?: Peer) {
    super(server, node, path, peer);
  }

  /** Sends one request; the node goes with the first. */
  send(request: Fields<DeltaDiscoveryRequest>): void {
    this.sendBytes(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, { ...this.nodeOnce(), ...request })));
  }

  /** The responses that came since the last look, after everything due has happened. */
  async take(): Promise<DeltaDiscoveryResponse[]> {
    return (await this.takeFrames()).map((frame) => fromBinary(DeltaDiscoveryResponseSchema, frame.subarray(5)));
  }

  /** The one response that came; throws when there is none or another. */
  async one(): Promise<DeltaDiscoveryResponse> {
    return only(await this.take());
  }

  /** Acknowledges a response. */
  ack(response: DeltaDiscoveryResponse): void {
    this.send({ typeUrl: response.typeUrl, responseNonce: response.nonce });
  }

  /** Refuses a response. */
  nack(response: DeltaDiscoveryResponse, message: string): void {
    this.send({ typeUrl: response.typeUrl, responseNonce: response.nonce, errorDetail: { code: 13, message } });
  }

  /** Takes and acknowledges responses until no more come; returns them all. */
  async drain(): Promise<DeltaDiscoveryResponse[]> {
    const all: DeltaDiscoveryResponse[] = [];
    for (let round = 0; round < 100; round += 1) {
      const responses = await this.take();
      if (responses.length === 0) return all;
      for (const response of responses) this.ack(response);
      all.push(...responses);
    }
    throw new Error("the server does not stop answering");
  }
}

/** A client of the state-of-the-world variant; it remembers version and nonce per type as clients do. */
export class SotwClient extends Client {
  readonly #last = new Map<string, { version: string; nonce: string; names: readonly string[] }>();

  constructor(server: XdsServer, node = "node", path = `${aggregated}StreamAggregatedResources`, peer?: Peer) {
    super(server, node, path, peer);
  }

  /** Sends one request as it is written; the node goes with the first. */
  send(request: Fields<DiscoveryRequest>): void {
    this.sendBytes(toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { ...this.nodeOnce(), ...request })));
  }

  /** Asks for names, with the version and nonce of the last response. */
  ask(typeUrl: string, names: readonly string[]): void {
    const last = this.#last.get(typeUrl) ?? { version: "", nonce: "", names };
    this.#last.set(typeUrl, { ...last, names });
    this.send({ typeUrl, versionInfo: last.version, responseNonce: last.nonce, resourceNames: [...names] });
  }

  /** The responses that came since the last look, after everything due has happened. */
  async take(): Promise<DiscoveryResponse[]> {
    return (await this.takeFrames()).map((frame) => fromBinary(DiscoveryResponseSchema, frame.subarray(5)));
  }

  /** The one response that came; throws when there is none or another. */
  async one(): Promise<DiscoveryResponse> {
    return only(await this.take());
  }

  /** Acknowledges a response, keeping the names. */
  ack(response: DiscoveryResponse): void {
    const names = this.#last.get(response.typeUrl)?.names ?? [];
    this.#last.set(response.typeUrl, { version: response.versionInfo, nonce: response.nonce, names });
    this.send({ typeUrl: response.typeUrl, versionInfo: response.versionInfo, responseNonce: response.nonce, resourceNames: [...names] });
  }

  /** Refuses a response as Envoy does: with the version that is still in force. */
  nack(response: DiscoveryResponse, message: string): void {
    const last = this.#last.get(response.typeUrl) ?? { version: "", nonce: "", names: [] };
    this.#last.set(response.typeUrl, { ...last, nonce: response.nonce });
    this.send({
      typeUrl: response.typeUrl,
      versionInfo: last.version,
      responseNonce: response.nonce,
      resourceNames: [...last.names],
      errorDetail: { code: 13, message },
    });
  }
}

function only<T>(responses: readonly T[]): T {
  const [response, ...more] = responses;
  if (response === undefined) throw new Error("no response came");
  if (more.length > 0)
    throw new Error(`${responses.length} responses came: ${JSON.stringify(responses, (_, v) => (typeof v === "bigint" ? String(v) : v))}`);
  return response;
}
