/** The gRPC service `legation.proof.Prices`: one method, a stream of numbered questions and a stream of answers. */
import { type ChannelOptions, Client, type ClientDuplexStream, credentials, type ServiceDefinition } from "@grpc/grpc-js";

/** A message of the caller; `n` counts within the stream. */
export interface Ask {
  readonly n: number;
}

/** The answer to the message with the same `n`, and which instance gave it. */
export interface Price {
  readonly n: number;
  readonly by: string;
}

const write = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const read = <T>(bytes: Buffer): T => JSON.parse(bytes.toString()) as T;

/** The service; its messages are JSON. */
export const pricesService = {
  watch: {
    path: "/legation.proof.Prices/Watch",
    requestStream: true,
    responseStream: true,
    requestSerialize: write,
    requestDeserialize: read<Ask>,
    responseSerialize: write,
    responseDeserialize: read<Price>,
  },
} satisfies ServiceDefinition;

/** A client of the service at `host:port`, without TLS. */
export class PricesClient extends Client {
  constructor(address: string, options: ChannelOptions) {
    super(address, credentials.createInsecure(), options);
  }

  /** Opens a stream. */
  watch(): ClientDuplexStream<Ask, Price> {
    const { path, requestSerialize, responseDeserialize } = pricesService.watch;
    return this.makeBidiStreamRequest<Ask, Price>(path, requestSerialize, responseDeserialize);
  }
}
