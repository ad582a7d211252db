/** The few protobuf messages that a load client writes, by hand: encoding must cost next to nothing. */

/** The bytes of a length-delimited field. */
export function field(number: number, value: string | Uint8Array): Buffer {
  const content = typeof value === "string" ? Buffer.from(value) : value;
  const header = [(number << 3) | 2];
  let length = content.length;
  while (length > 127) {
    header.push((length & 127) | 128);
    length >>>= 7;
  }
  header.push(length);
  return Buffer.concat([Buffer.from(header), content]);
}

/** A message with gRPC's five-byte header in front. */
export function grpcFrame(...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(body.length, 1);
  return Buffer.concat([header, body]);
}

/** What a discovery request says. */
export interface Request {
  readonly typeUrl: string;
  /** The id of the node; only in a stream's first request. */
  readonly node?: string;
  /** The nonce of the response that is answered. */
  readonly nonce?: string;
  /** State of the world: the version in force. */
  readonly version?: string;
  /** What `nameFields` made: state of the world all names, delta those to subscribe to. */
  readonly names?: Uint8Array;
  /** Delta: what `nameFields(names, 4)` made, the names to unsubscribe from. */
  readonly gone?: Uint8Array;
  /** Refuses the response that has the nonce. */
  readonly error?: string;
}

/** The names of a request; the same bytes serve both variants. */
export function nameFields(names: readonly string[], number = 3): Buffer {
  return Buffer.concat(names.map((name) => field(number, name)));
}

/** A framed DeltaDiscoveryRequest or DiscoveryRequest. */
export function encodeRequest(delta: boolean, { typeUrl, node, nonce, version, names, gone, error }: Request): Buffer {
  const parts: Uint8Array[] = [];
  if (!delta && version) parts.push(field(1, version));
  if (node) parts.push(field(delta ? 1 : 2, field(1, node)));
  if (delta) parts.push(field(2, typeUrl));
  if (names) parts.push(names);
  if (delta && gone) parts.push(gone);
  if (!delta) parts.push(field(4, typeUrl));
  if (nonce) parts.push(field(delta ? 6 : 5, nonce));
  if (error) parts.push(field(delta ? 7 : 6, Buffer.concat([Buffer.from([8, 13]), field(2, error)])));
  return grpcFrame(...parts);
}
