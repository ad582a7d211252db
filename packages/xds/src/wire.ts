/** Protobuf's wire format, by hand: reading the fields of a message, and writing the few that responses are made of. */

/** A message that is not valid protobuf, or not the message that was expected. */
export class MalformedMessage extends Error {}

/** The fields of one message. Call `next` until it is false; then exactly one of the value accessors fits the field. */
export class FieldReader {
  /** The number of the current field. */
  field = 0;
  /** Where the current field's tag stands. */
  start = 0;
  /** Where the next field's tag stands. */
  position = 0;
  #valueStart = 0;
  #valueEnd = 0;

  constructor(readonly bytes: Buffer) {}

  /** Moves to the next field; false at the end. Throws MalformedMessage. */
  next(): boolean {
    if (this.position >= this.bytes.length) return false;
    this.start = this.position;
    const tag = this.#varint();
    this.field = tag >>> 3;
    const wireType = tag & 7;
    if (this.field === 0) throw new MalformedMessage("a field has the number 0");
    if (wireType === 2) {
      const length = this.#varint();
      this.#valueStart = this.position;
      this.position += length;
    } else {
      this.#valueStart = this.position;
      if (wireType === 0) this.#varint();
      else if (wireType === 1) this.position += 8;
      else if (wireType === 5) this.position += 4;
      else throw new MalformedMessage(`a field has the wire type ${wireType}`);
    }
    this.#valueEnd = this.position;
    if (this.position > this.bytes.length) throw new MalformedMessage("a field is longer than the message");
    return true;
  }

  /** The value of a length-delimited field, without a copy. */
  value(): Buffer {
    return this.bytes.subarray(this.#valueStart, this.#valueEnd);
  }

  /** The value of a string field. */
  text(): string {
    return this.bytes.toString("utf8", this.#valueStart, this.#valueEnd);
  }

  /** The value of a numeric field below 2^32; higher bits are lost. */
  number(): number {
    const end = this.position;
    this.position = this.#valueStart;
    const value = this.#varint();
    this.position = end;
    return value;
  }

  #varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.bytes[this.position++];
      if (byte === undefined) throw new MalformedMessage("the message ends within a number");
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new MalformedMessage("a number has more than ten bytes");
  }
}

/** The bytes of a length-delimited field. */
export function lengthDelimited(field: number, ...parts: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const part of parts) length += part.length;
  return Buffer.concat([varint((field << 3) | 2), varint(length), ...parts]);
}

/** The bytes of a string field; none for the empty string, which is the default. */
export function stringField(field: number, value: string): Buffer {
  return value === "" ? Buffer.alloc(0) : lengthDelimited(field, Buffer.from(value, "utf8"));
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}
