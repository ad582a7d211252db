/** HTTP/2 with one gRPC call on a bare socket: a third of what `node:http2` costs, and in control of windows and reading. */
import { connect, type Socket } from "node:net";

const type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const endStream = 1;
const ack = 1;
const endHeaders = 4;
const initialWindowSize = 4;
/** What Envoy grants to a control plane: 16 MiB. */
const window = 16 * 1024 * 1024;
const frameBytes = 16_384;

/** Read by all connections of the process, one after the other. */
const shared = Buffer.allocUnsafeSlow(256 * 1024);

/** What a connection tells its owner. */
export interface ConnectionEvents {
  /** Bytes of gRPC messages; they are overwritten after the call. */
  data(bytes: Buffer, start: number, end: number): void;
  /** The call is over; not called after `destroy`. Says why. */
  ended(reason: string): void;
}

/** A connection with one call, opened at once. */
export class Connection {
  readonly #socket: Socket;
  readonly #header = Buffer.alloc(9);
  #headerHas = 0;
  #frame = { type: 0, flags: 0, stream: 0 };
  #dataLeft = 0;
  #control: Buffer | undefined;
  #controlHas = 0;
  #consumed = 0;
  #sendWindow = 65_535;
  #streamWindow = 65_535;
  #peerInitial = 65_535;
  #queue: Buffer[] = [];
  #over = false;

  /** Connects to a port of this machine and opens a call of the method `path`. */
  constructor(
    port: number,
    path: string,
    private readonly events: ConnectionEvents,
  ) {
    const callback = (length: number) => {
      this.#read(shared, length);
      return true;
    };
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true, onread: { buffer: shared, callback } });
    this.#socket.on("error", (error) => this.#end(error.message));
    this.#socket.on("close", () => this.#end("the server closed the connection"));
    this.#socket.write(opening(path));
  }

  /** Sends framed messages, as far as the server's windows allow; the rest follows. */
  send(...messages: readonly Buffer[]): void {
    this.#queue.push(...messages);
    this.#flush();
  }

  /** Says that no more requests come. */
  halfClose(): void {
    this.#socket.write(frame(type.data, endStream, 1, empty));
  }

  /** Takes nothing more from the server: no window, and what is under way stays in the socket. */
  stall(): void {
    this.#socket.write(frame(type.settings, 0, 0, setting(initialWindowSize, 0)));
    this.#socket.pause();
  }

  /** Reads on. */
  resume(): void {
    this.#socket.write(frame(type.settings, 0, 0, setting(initialWindowSize, window)));
    this.#socket.resume();
  }

  /** Resets the call and hangs up. */
  destroy(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    this.events.ended(reason);
  }

  #read(bytes: Buffer, length: number): void {
    for (let at = 0; at < length && !this.#over; ) {
      if (this.#dataLeft > 0) {
        const end = Math.min(length, at + this.#dataLeft);
        this.#dataLeft -= end - at;
        this.events.data(bytes, at, end);
        at = end;
        if (this.#dataLeft === 0) this.#frameOver();
      } else if (this.#control) {
        const end = Math.min(length, at + this.#control.length - this.#controlHas);
        bytes.copy(this.#control, this.#controlHas, at, end);
        this.#controlHas += end - at;
        at = end;
        if (this.#controlHas === this.#control.length) this.#frameOver();
      } else {
        const end = Math.min(length, at + 9 - this.#headerHas);
        bytes.copy(this.#header, this.#headerHas, at, end);
        this.#headerHas += end - at;
        at = end;
        if (this.#headerHas === 9) this.#frameBegins();
      }
    }
  }

  #frameBegins(): void {
    this.#headerHas = 0;
    const length = this.#header.readUIntBE(0, 3);
    this.#frame = { type: this.#header[3] ?? 0, flags: this.#header[4] ?? 0, stream: this.#header.readUInt32BE(5) };
    if (this.#frame.type === type.data) {
      this.#dataLeft = length;
      this.#consumed += length;
    } else {
      this.#control = Buffer.allocUnsafe(length);
      this.#controlHas = 0;
    }
    if (length === 0) this.#frameOver();
  }

  #frameOver(): void {
    const payload = this.#control ?? empty;
    this.#control = undefined;
    const { type: kind, flags, stream } = this.#frame;
    if (kind === type.data && this.#consumed > window / 4) this.#grant();
    else if (kind === type.settings && (flags & ack) === 0) this.#settings(payload);
    else if (kind === type.ping && (flags & ack) === 0) this.#socket.write(frame(type.ping, ack, 0, payload));
    else if (kind === type.windowUpdate) {
      if (stream === 0) this.#sendWindow += payload.readUInt32BE(0);
      else this.#streamWindow += payload.readUInt32BE(0);
      this.#flush();
    } else if (kind === type.reset) this.#end(`the server reset the stream with code ${payload.readUInt32BE(0)}`);
    else if (kind === type.goAway && payload.readUInt32BE(4) !== 0)
      this.#end(`the server says GOAWAY with code ${payload.readUInt32BE(4)}`);
    if ((kind === type.data || kind === type.headers) && (flags & endStream) !== 0) this.#end("the server ended the stream");
  }

  #grant(): void {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(this.#consumed, 0);
    this.#consumed = 0;
    this.#socket.write(Buffer.concat([frame(type.windowUpdate, 0, 0, bytes), frame(type.windowUpdate, 0, 1, bytes)]));
  }

  #settings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== initialWindowSize) continue;
      this.#streamWindow += payload.readUInt32BE(at + 2) - this.#peerInitial;
      this.#peerInitial = payload.readUInt32BE(at + 2);
    }
    this.#socket.write(frame(type.settings, ack, 0, empty));
    this.#flush();
  }

  #flush(): void {
    const out: Buffer[] = [];
    for (let message = this.#queue[0]; message; message = this.#queue[0]) {
      const size = Math.min(message.length, frameBytes, this.#sendWindow, this.#streamWindow);
      if (size <= 0) break;
      out.push(frame(type.data, 0, 1, message.subarray(0, size)));
      this.#sendWindow -= size;
      this.#streamWindow -= size;
      if (size === message.length) this.#queue.shift();
      else this.#queue[0] = message.subarray(size);
    }
    const [only] = out;
    if (only) this.#socket.write(out.length === 1 ? only : Buffer.concat(out));
  }
}

const empty = Buffer.alloc(0);

function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = kind;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, 9);
  return bytes;
}

function setting(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

/** What begins every connection: preface, settings, windows, and the headers of the call in HPACK without its tables. */
function opening(path: string): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const grow = Buffer.alloc(4);
  grow.writeUInt32BE(window - 65_535, 0);
  const headers = Buffer.concat([
    Buffer.from([0x83, 0x86, 0x04]),
    text(path),
    Buffer.from([0x01]),
    text("127.0.0.1"),
    Buffer.from([0x0f, 0x10]),
    text("application/grpc"),
    Buffer.from([0x00]),
    text("te"),
    text("trailers"),
  ]);
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    frame(type.settings, 0, 0, Buffer.concat([setting(2, 0), setting(initialWindowSize, window)])),
    frame(type.windowUpdate, 0, 0, grow),
    frame(type.headers, endHeaders, 1, headers),
  ]);
}
