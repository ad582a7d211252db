/** One client for both variants: a script that is written once is played in either. */
import { fromBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryResponseSchema, DiscoveryResponseSchema } from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import type { XdsServer } from "../server.js";
import type { Peer } from "../transport.js";
import { FieldReader } from "../wire.js";
import { DeltaClient, SotwClient } from "./scripted-client.js";

/** The variants, for tables of tests. */
export const variants = ["delta", "sotw"] as const;

/** A response in words: of resources made by `resource` only the content is told, because this is what both variants carry. */
export interface Received {
  readonly typeUrl: string;
  readonly nonce: string;
  /** The contents, sorted. */
  readonly contents: readonly string[];
  /** Names that are gone or absent; always empty in the state of the world. */
  readonly removed: readonly string[];
  /** The frame as it came. */
  readonly frame: Buffer;
  ack(): void;
  nack(message: string): void;
}

/** A client of one of the variants. */
export class EitherClient {
  readonly client: DeltaClient | SotwClient;
  readonly #names = new Map<string, readonly string[]>();

  /** On the aggregated service, unless `path` names another. */
  constructor(
    readonly variant: (typeof variants)[number],
    server: XdsServer,
    node = "node",
    path?: string,
    peer?: Peer,
  ) {
    this.client = variant === "delta" ? new DeltaClient(server, node, path, peer) : new SotwClient(server, node, path, peer);
  }

  /** The status that the server ended the stream with. */
  get ended(): { readonly status: number; readonly message: string } | undefined {
    return this.client.ended;
  }

  /** Asks for exactly these names from now on; the first time without any is a wildcard where the type has one. */
  ask(typeUrl: string, names: readonly string[] = []): void {
    const before = this.#names.get(typeUrl) ?? [];
    this.#names.set(typeUrl, names);
    if (this.client instanceof SotwClient) this.client.ask(typeUrl, names);
    else {
      this.client.send({
        typeUrl,
        resourceNamesSubscribe: names.filter((name) => !before.includes(name)),
        resourceNamesUnsubscribe: before.filter((name) => !names.includes(name)),
      });
    }
  }

  /** Sends the node once more, as `id`, with a request for a type. */
  rename(id: string, typeUrl: string): void {
    this.client.send({ typeUrl, node: { id } });
  }

  /** The responses that came since the last look, after everything due has happened. */
  async take(): Promise<Received[]> {
    const frames = await this.client.takeFrames();
    return frames.map((frame) => {
      if (this.client instanceof SotwClient) {
        const { client } = this;
        const response = fromBinary(DiscoveryResponseSchema, frame.subarray(5));
        const contents = response.resources.map(({ value }) => contentOf(value)).sort();
        const answers = { ack: () => client.ack(response), nack: (message: string) => client.nack(response, message) };
        return { typeUrl: response.typeUrl, nonce: response.nonce, contents, removed: [], frame, ...answers };
      }
      const { client } = this;
      const response = fromBinary(DeltaDiscoveryResponseSchema, frame.subarray(5));
      const contents = response.resources.map(({ resource }) => contentOf(resource?.value ?? new Uint8Array())).sort();
      const answers = { ack: () => client.ack(response), nack: (message: string) => client.nack(response, message) };
      return { typeUrl: response.typeUrl, nonce: response.nonce, contents, removed: response.removedResources, frame, ...answers };
    });
  }

  /** The one response that came; throws when there is none or another. */
  async one(): Promise<Received> {
    const [response, ...more] = await this.take();
    if (!response || more.length > 0) throw new Error(`${response ? more.length + 1 : 0} responses came instead of one`);
    return response;
  }

  /** Takes and acknowledges responses until no more come; returns them all. */
  async drain(): Promise<Received[]> {
    const all: Received[] = [];
    for (let round = 0; round < 100; round += 1) {
      const responses = await this.take();
      if (responses.length === 0) return all;
      for (const response of responses) response.ack();
      all.push(...responses);
    }
    throw new Error("the server does not stop answering");
  }
}

function contentOf(bytes: Uint8Array): string {
  const reader = new FieldReader(Buffer.from(bytes));
  return reader.next() ? reader.text() : "";
}
