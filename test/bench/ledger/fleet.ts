/** Proxies without sockets: each subscribes to the endpoints of one service, and acknowledges what it is sent in the same tick. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryRequestSchema, DeltaDiscoveryResponseSchema } from "@legation/envoy-api/envoy/service/discovery/v3/discovery";
import { TypeUrl, type Wire, type XdsServer } from "@legation/xds";

/** The fleet. */
export interface Fleet {
  /** Responses that were acknowledged so far. */
  readonly acknowledged: number;
}

const path = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";

/** Connects this many proxies. What is the same for all is encoded and decoded once, so that the server is what is measured. */
export function connect(server: XdsServer, proxies: number, service: string): Fleet {
  const answers = new Map<Buffer, Buffer>();
  let acknowledged = 0;
  const answerTo = (frame: Buffer): Buffer => {
    const known = answers.get(frame);
    if (known) return known;
    const { nonce } = fromBinary(DeltaDiscoveryResponseSchema, frame.subarray(5));
    const answer = create(DeltaDiscoveryRequestSchema, { typeUrl: TypeUrl.endpoint, responseNonce: nonce });
    const bytes = Buffer.from(toBinary(DeltaDiscoveryRequestSchema, answer));
    answers.clear();
    answers.set(frame, bytes);
    return bytes;
  };
  for (let i = 0; i < proxies; i++) {
    const wire: Wire = {
      peer: { address: "bench", headers: {} },
      write(frame, done) {
        done();
        setImmediate(() => {
          call?.message(answerTo(frame));
          acknowledged++;
        });
      },
      end: (_status, message) => message,
      abort: () => undefined,
    };
    const call = server.accept(path, wire);
    const first = { node: { id: `n${i}/web-${i}` }, typeUrl: TypeUrl.endpoint, resourceNamesSubscribe: [service] };
    call?.message(Buffer.from(toBinary(DeltaDiscoveryRequestSchema, create(DeltaDiscoveryRequestSchema, first))));
  }
  return {
    get acknowledged() {
      return acknowledged;
    },
  };
}
