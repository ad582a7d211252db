/**
 * The server on somebody's own `@grpc/grpc-js` server, beside their other services, with their credentials and interceptors.
 *
 * It costs what grpc-js costs: a copy of each response per stream, and its own streams around HTTP/2's.
 */
import type { handleBidiStreamingCall, Server, ServerDuplexStream } from "@grpc/grpc-js";
import { certificateUri } from "@legation/runtime";
import { statusMessage } from "./excerpt.js";
import type { XdsServer } from "./server.js";
import { paths } from "./service.js";
import { type Call, Status, type Wire } from "./transport.js";

/**
 * Registers every method of the discovery services, CSDS and load reports. The limit of one message is the gRPC server's
 * (`grpc.max_receive_message_length`), as are keepalive, TLS and its end: call `xds.stop` first, then `tryShutdown`. Throws when one of
 * the methods is registered already.
 */
export function registerXds(grpc: Server, xds: Pick<XdsServer, "accept">): void {
  for (const path of paths) {
    const registered = grpc.register(path, serve(path, xds), withoutHeader, asItIs, "bidi");
    if (!registered) throw new Error(`${path} is registered already: give this server to one xDS server only`);
  }
}

/** grpc-js writes the five bytes of gRPC's header itself. */
const withoutHeader = (frame: Buffer) => frame.subarray(5);
const asItIs = (bytes: Buffer) => bytes;

function serve(path: string, xds: Pick<XdsServer, "accept">): handleBidiStreamingCall<Buffer, Buffer> {
  return (stream) => {
    const wire = new GrpcWire(stream);
    const call = xds.accept(path, wire);
    if (call) receive(stream, call, wire);
    else wire.end(Status.UNIMPLEMENTED, `no method ${path}`);
  };
}

class GrpcWire implements Wire {
  readonly peer: Wire["peer"];
  #ended = false;

  constructor(private readonly stream: ServerDuplexStream<Buffer, Buffer>) {
    const { sslPeerCertificate: certificate, transportSecurityType: security } = stream.getAuthContext();
    const headers = headersOf(stream);
    const uri = certificate && certificateUri(certificate);
    const tls = security === "ssl" ? { tls: uri === undefined ? {} : { uri } } : {};
    this.peer = { address: stream.getPeer(), headers, ...tls, ...(certificate ? { certificate } : {}) };
  }

  write(frame: Buffer, done: () => void): void {
    if (this.#ended || this.stream.cancelled) return;
    this.stream.write(frame, (error: unknown) => {
      if (!error) done();
    });
  }

  end(code: number, message: string): string {
    const details = statusMessage(message);
    if (this.#ended || this.stream.cancelled) return details;
    this.#ended = true;
    if (code === Status.OK) this.stream.end();
    else this.stream.emit("error", { code, details });
    return details;
  }

  /** grpc-js cannot reset a stream: its status waits behind what the client does not read, and ends with the connection. */
  abort(): void {
    this.end(Status.RESOURCE_EXHAUSTED, "the client does not read");
  }
}

/** The call's metadata, with values that came more than once as lists. */
function headersOf({ metadata }: ServerDuplexStream<Buffer, Buffer>): Wire["peer"]["headers"] {
  const text = (value: string | Buffer) => (typeof value === "string" ? value : value.toString("base64"));
  return Object.fromEntries(
    Object.keys(metadata.getMap()).map((key) => {
      const [first = "", ...others] = metadata.get(key).map(text);
      return [key, others.length > 0 ? [first, ...others] : first];
    }),
  );
}

function receive(stream: ServerDuplexStream<Buffer, Buffer>, call: Call, wire: Wire): void {
  let over = false;
  const close = () => {
    if (over) return;
    over = true;
    call.closed();
  };
  stream.on("data", (message: Buffer) => {
    if (over) return;
    try {
      call.message(message);
    } catch (error) {
      wire.end(Status.INTERNAL, `the request cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      close();
    }
  });
  stream.on("end", () => {
    if (!over) call.halfClose();
  });
  stream.on("cancelled", close);
  stream.on("close", close);
}
