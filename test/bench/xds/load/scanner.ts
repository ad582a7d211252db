/** Reads what a load client needs of discovery responses as their bytes pass, without keeping or copying the resources. */
import { changeMark } from "../resources.js";

/** What a response says, as far as it is needed. */
export interface Head {
  version: string;
  typeUrl: string;
  nonce: string;
  /** How many resources it carries. */
  resources: number;
  /** The number of the change that one of the resources is marked with; -1 when none is. */
  change: number;
}

/** Bytes at the start of a resource within which the mark of a change stands. */
const markWithin = 256;

/** One per stream: give it the bytes of gRPC messages in any pieces. */
export class ResponseScanner {
  /** Whether marks of changes are looked for; a client does so once it is configured. */
  marks = false;
  #carry: Buffer | undefined;
  #left = -1;
  #skip = 0;
  #head: Head = noHead();

  /** `take` is called with each complete response. */
  constructor(private readonly take: (head: Head) => void) {}

  /** Takes bytes; they may be overwritten afterwards. Throws when they are no discovery responses. */
  push(bytes: Buffer, start: number, end: number): void {
    if (this.#carry) {
      const joined = Buffer.concat([this.#carry, bytes.subarray(start, end)]);
      this.#carry = undefined;
      this.#scan(joined, 0, joined.length);
    } else this.#scan(bytes, start, end);
  }

  #scan(bytes: Buffer, start: number, end: number): void {
    let at = start;
    for (;;) {
      const skipped = Math.min(this.#skip, end - at);
      at += skipped;
      this.#skip -= skipped;
      this.#left -= skipped;
      if (this.#skip > 0) return;
      if (this.#left === 0) {
        const head = this.#head;
        this.#left = -1;
        this.#head = noHead();
        this.take(head);
      }
      const next = this.#left < 0 ? this.#header(bytes, at, end) : this.#field(bytes, at, end);
      if (next < 0) break;
      at = next;
    }
    if (at < end) this.#carry = Buffer.from(bytes.subarray(at, end));
  }

  /** Where the message begins, or -1 when more bytes are needed. */
  #header(bytes: Buffer, at: number, end: number): number {
    if (end - at < 5) return -1;
    if (bytes[at] !== 0) throw new Error("the server sent a compressed message, or no message");
    this.#left = bytes.readUInt32BE(at + 1);
    return at + 5;
  }

  /** Reads one field of the response. Where its skipped content or the next field begins, or -1 when more bytes are needed. */
  #field(bytes: Buffer, at: number, end: number): number {
    const tag = bytes[at] ?? 0;
    let length = 0;
    let value = at + 1;
    for (let shift = 0; ; shift += 7) {
      if (value >= end) return -1;
      const byte = bytes[value++] ?? 0;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if ((tag & 7) !== 2) throw new Error(`a response has a field of the wire type ${tag & 7}`);
    const number = tag >>> 3;
    const short = number === 1 || number === 4 || number === 5;
    const needed = short ? length : number === 2 && this.marks ? Math.min(length, markWithin) : 0;
    if (end - value < needed) return -1;
    this.#left -= value - at;
    if (!short) {
      if (number === 2) this.#resource(bytes, value, needed);
      this.#skip = length;
      return value;
    }
    const text = bytes.toString("latin1", value, value + length);
    if (number === 1) this.#head.version = text;
    else if (number === 4) this.#head.typeUrl = text;
    else this.#head.nonce = text;
    this.#left -= length;
    return value + length;
  }

  #resource(bytes: Buffer, at: number, length: number): void {
    this.#head.resources += 1;
    if (length === 0) return;
    const text = bytes.toString("latin1", at, at + length);
    const mark = text.indexOf(changeMark);
    if (mark >= 0) this.#head.change = Number.parseInt(text.slice(mark + changeMark.length, mark + changeMark.length + 7), 10);
  }
}

function noHead(): Head {
  return { version: "", typeUrl: "", nonce: "", resources: 0, change: -1 };
}
