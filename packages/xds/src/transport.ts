/** gRPC over HTTP/2, the server's side: streams of messages in and out, with nothing buffered beyond one write. */
import http2 from "node:http2";
import type { PeerCertificate, TLSSocket } from "node:tls";
import { gunzipSync } from "node:zlib";
import { type TlsPeer, tlsPeer } from "@legation/runtime";
import { statusMessage } from "./excerpt.js";

/** gRPC's status codes, as far as they are used here. */
export const Status = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** Who is at the other end, as far as the transport knows. */
export interface Peer {
  /** `host:port`, or `unknown`. */
  readonly address: string;
  /** The request's headers, which in gRPC are the call's metadata. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The client's certificate, where TLS with client certificates is on and it was verified. */
  readonly certificate?: PeerCertificate;
  /** What TLS has proven of the client, such as its SPIFFE ID; absent in plain text. */
  readonly tls?: TlsPeer;
}

/** The sending side of one call. */
export interface Wire {
  readonly peer: Peer;
  /** Writes a framed message; `done` is called when the client's flow control has let it through. */
  write(frame: Buffer, done: () => void): void;
  /** Ends the call with a gRPC status, after what was written. Returns the message as a client is told it, which is bounded. */
  end(status: number, message: string): string;
  /** Ends the call at once, with what was written unsent. */
  abort(): void;
}

/** The receiving side of one call. */
export interface Call {
  /** One message without its header. May throw; the call ends with INTERNAL then. */
  message(bytes: Buffer): void;
  /** The client will send no more. */
  halfClose(): void;
  /** The call is over, for whatever reason. Called once. */
  closed(): void;
}

/** Starts a call to a path; returns undefined when there is no such method. */
export type Accept = (path: string, wire: Wire) => Call | undefined;

/** A message with gRPC's header in front: uncompressed, and its length. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, 5);
  return frame;
}

/** A status message as gRPC over HTTP/2 has it ("Responses"): what is printable stays readable for those that log it as it comes. */
function percentEncoded(message: string): string {
  return message.replace(/[^ -$&-~]+/g, encodeURIComponent);
}

/** Messages of the largest size whose received parts all calls together may hold back. */
const partialMessages = 8;

/** Attaches gRPC to an HTTP/2 server. `messageBytes` bounds one message, and eight times that all that are half received. */
export function serveGrpc(server: http2.Http2Server | http2.Http2SecureServer, accept: Accept, messageBytes: number): void {
  const bounds: Bounds = { messageBytes, partial: 0, partialBytes: partialMessages * messageBytes };
  server.on("stream", (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on("error", () => stream.destroy());
    if (!(headers["content-type"] ?? "").startsWith("application/grpc")) {
      stream.respond({ ":status": 415 }, { endStream: true });
      return;
    }
    const wire = new StreamWire(stream, headers);
    const call = accept(headers[":path"] ?? "", wire);
    if (call) receive(stream, call, wire, bounds, String(headers["grpc-encoding"] ?? "identity"));
    else wire.end(Status.UNIMPLEMENTED, `no method ${headers[":path"]}`);
  });
  server.on("sessionError", () => undefined);
}

/** What the calls of a server may hold, and hold now; bytes. */
interface Bounds {
  readonly messageBytes: number;
  readonly partialBytes: number;
  partial: number;
}

class StreamWire implements Wire {
  readonly peer: Peer;
  #ending = false;

  constructor(
    private readonly stream: http2.ServerHttp2Stream,
    headers: http2.IncomingHttpHeaders,
  ) {
    this.peer = peerOf(stream, headers);
  }

  write(frame: Buffer, done: () => void): void {
    if (this.stream.destroyed || this.stream.closed || this.#ending) return;
    this.#respond();
    this.stream.write(frame, (error) => {
      if (!error) done();
    });
  }

  end(status: number, message: string): string {
    const told = statusMessage(message);
    if (this.stream.destroyed || this.stream.closed || this.#ending) return told;
    this.#ending = true;
    const trailers = { "grpc-status": String(status), "grpc-message": percentEncoded(told) };
    if (!this.stream.headersSent) {
      this.stream.respond({ ":status": 200, "content-type": "application/grpc", ...trailers }, { endStream: true });
      this.#release();
      return told;
    }
    this.stream.once("wantTrailers", () => {
      this.stream.sendTrailers(trailers);
      this.#release();
    });
    this.stream.end();
    this.stream.resume();
    return told;
  }

  /** Everything is said: a client that keeps its own side open is asked to send no more (RFC 9113, section 8.1). */
  #release(): void {
    this.stream.resume();
    setImmediate(() => this.stream.close(http2.constants.NGHTTP2_NO_ERROR));
  }

  abort(): void {
    this.#ending = true;
    this.stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    this.stream.destroy();
  }

  #respond(): void {
    if (!this.stream.headersSent) this.stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  }
}

function receive(stream: http2.ServerHttp2Stream, call: Call, wire: Wire, bounds: Bounds, encoding: string): void {
  const { messageBytes } = bounds;
  const pieces: Buffer[] = [];
  let have = 0;
  let need = 5;
  let over = false;
  let told = false;
  const hold = (bytes: number) => {
    bounds.partial += bytes - have;
    have = bytes;
  };
  const close = () => {
    over = true;
    pieces.length = 0;
    hold(0);
    if (told) return;
    told = true;
    call.closed();
  };
  const refuse = (status: number, message: string) => {
    wire.end(status, message);
    close();
  };
  const boundPartial = () => {
    if (have > 0 && bounds.partial > bounds.partialBytes)
      refuse(Status.RESOURCE_EXHAUSTED, `more than ${bounds.partialBytes} bytes of requests are half received`);
  };
  stream.on("data", (chunk: Buffer) => {
    if (over) return;
    pieces.push(chunk);
    hold(have + chunk.length);
    if (have < need) return boundPartial();
    let bytes = pieces.length === 1 ? chunk : Buffer.concat(pieces);
    pieces.length = 0;
    need = 5;
    while (bytes.length >= 5) {
      const length = bytes.readUInt32BE(1);
      if (length > messageBytes) return refuse(Status.RESOURCE_EXHAUSTED, `the request has ${length} bytes, the limit is ${messageBytes}`);
      need = 5 + length;
      if (bytes.length < need) break;
      try {
        call.message(inflate(bytes.subarray(5, need), bytes[0] === 1, encoding, messageBytes));
      } catch (error) {
        return refuse(Status.INTERNAL, `the request cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      }
      bytes = bytes.subarray(need);
      need = 5;
    }
    if (over) return;
    hold(bytes.length);
    if (have > 0) pieces.push(bytes);
    boundPartial();
  });
  stream.on("end", () => {
    if (!over) call.halfClose();
  });
  stream.once("close", close);
}

function inflate(bytes: Buffer, compressed: boolean, encoding: string, limit: number): Buffer {
  if (!compressed) return bytes;
  if (encoding === "identity") throw new Error("it is compressed, and its call names no encoding");
  if (encoding !== "gzip") throw new Error(`the encoding ${encoding} is not supported`);
  return gunzipSync(bytes, { maxOutputLength: limit });
}

function peerOf(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders): Peer {
  const socket = stream.session?.socket;
  const address = socket?.remoteAddress ? `${socket.remoteAddress}:${socket.remotePort}` : "unknown";
  const tls = socket && tlsPeer(socket);
  if (!socket || !tls) return { address, headers };
  const secure = socket as TLSSocket;
  return { address, headers, tls, ...(secure.authorized ? { certificate: secure.getPeerCertificate() } : {}) };
}
