/** An ADS stream of a gRPC client that the target knows nothing of: both variants, decoded, acknowledged as a client does. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { decode } from "@legation/envoy-api";
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import { until } from "@legation/local";

/** The variants, for tables of tests. */
export const variants = ["delta", "sotw"] as const;

/** What a response says. */
export interface Received {
  readonly typeUrl: string;
  /** `system_version_info`, or `version_info`. */
  readonly version: string;
  /** The messages by the name that is in them. */
  readonly messages: ReadonlyMap<string, unknown>;
  readonly removed: readonly string[];
}

const service = "/envoy.service.discovery.v3.AggregatedDiscoveryService";

/** One stream of one node. */
export class AdsStream {
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Buffer, Buffer>;
  readonly #received: Received[] = [];
  readonly #names = new Map<string, readonly string[]>();
  #named = false;

  constructor(
    readonly variant: (typeof variants)[number],
    port: number,
    private readonly node: string,
  ) {
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    const same = (bytes: Buffer) => bytes;
    const method = variant === "delta" ? "DeltaAggregatedResources" : "StreamAggregatedResources";
    this.#call = this.#client.makeBidiStreamRequest(`${service}/${method}`, same, same);
    this.#call.on("error", () => undefined);
    this.#call.on("data", (bytes: Buffer) => (variant === "delta" ? this.#takeDelta(bytes) : this.#takeSotw(bytes)));
  }

  /** Asks for names, for the first time; none is everything, of clusters and listeners. */
  ask(typeUrl: string, names: readonly string[] = []): void {
    this.#names.set(typeUrl, names);
    if (this.variant === "delta") this.#delta({ typeUrl, resourceNamesSubscribe: [...names] });
    else this.#sotw({ typeUrl, resourceNames: [...names] });
  }

  /** The next response, of those that came and were not looked at yet. */
  next(): Promise<Received> {
    return until(() => this.#received.shift(), { what: `a response for ${this.node}`, limitMs: 20_000, everyMs: 5 });
  }

  /** How many responses came that were not looked at. */
  get unread(): number {
    return this.#received.length;
  }

  /** Ends the stream and its connection. */
  close(): void {
    this.#call.cancel();
    this.#client.close();
  }

  #nodeOnce(): { node?: { id: string } } {
    if (this.#named) return {};
    this.#named = true;
    return { node: { id: this.node } };
  }

  #delta(fields: { typeUrl: string; resourceNamesSubscribe?: string[]; responseNonce?: string }): void {
    const request = create(DeltaDiscoveryRequestSchema, { ...this.#nodeOnce(), ...fields });
    this.#call.write(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, request)));
  }

  #sotw(fields: { typeUrl: string; resourceNames: string[]; versionInfo?: string; responseNonce?: string }): void {
    const request = create(DiscoveryRequestSchema, { ...this.#nodeOnce(), ...fields });
    this.#call.write(Buffer.from(toBinary(DiscoveryRequestSchema, request)));
  }

  #takeDelta(bytes: Buffer): void {
    const { typeUrl, nonce, systemVersionInfo, resources, removedResources } = fromBinary(DeltaDiscoveryResponseSchema, bytes);
    const messages = new Map(resources.map(({ name, resource }) => [name, decode(typeUrl, resource?.value ?? new Uint8Array())]));
    this.#received.push({ typeUrl, version: systemVersionInfo, messages, removed: removedResources });
    this.#delta({ typeUrl, responseNonce: nonce });
  }

  #takeSotw(bytes: Buffer): void {
    const { typeUrl, nonce, versionInfo, resources } = fromBinary(DiscoveryResponseSchema, bytes);
    const messages = new Map(
      resources.map(({ value }) => {
        const message = decode(typeUrl, value) as { name?: string; clusterName?: string };
        return [message.name ?? message.clusterName ?? "", message];
      }),
    );
    this.#received.push({ typeUrl, version: versionInfo, messages, removed: [] });
    this.#sotw({ typeUrl, versionInfo, responseNonce: nonce, resourceNames: [...(this.#names.get(typeUrl) ?? [])] });
  }
}
