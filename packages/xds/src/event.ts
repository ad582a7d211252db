/** What happens on the streams, told as it happens: for ledgers, logs and metrics. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { Variant } from "./frame.js";
import type { Resource } from "./resource.js";

/** What every event says of its stream. */
interface OnStream {
  /** Unique within a server's life. */
  readonly stream: number;
  /** The node's id; empty before the first request. */
  readonly node: string;
}

/** A client opened a stream; its first request names the node. */
export interface StreamOpened extends OnStream {
  readonly kind: "stream-open";
  readonly peer: string;
  readonly variant: Variant;
  readonly description: Node;
}

/** A stream ended, from whichever side. */
export interface StreamClosed extends OnStream {
  readonly kind: "stream-close";
  readonly peer: string;
  readonly reason: string;
}

/** A response was handed to the transport. */
export interface Pushed extends OnStream {
  readonly kind: "push";
  readonly typeUrl: string;
  readonly nonce: string;
  /** What changed for the client; a full-state response carries the rest besides. */
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  readonly bytes: number;
  /** With it the client has all of the type that was published up to this publication; undefined when more follows. */
  readonly through?: number | undefined;
}

/** The client took a response. */
export interface Acknowledged extends OnStream {
  readonly kind: "ack";
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
  /** From the push to its acknowledgement. */
  readonly milliseconds: number;
  /** The client has all of the type that was published up to this publication; undefined when more follows. */
  readonly through?: number | undefined;
}

/** A publication marked the stream, and nothing has to be sent for it: the client has what it is to have, or asks for it no more. */
export interface Settled extends OnStream {
  readonly kind: "settled";
  readonly typeUrl: string;
  /** Nothing of the type that was published up to this publication is owed. */
  readonly through: number;
}

/** The client refused a response. */
export interface Refused extends OnStream {
  readonly kind: "nack";
  readonly typeUrl: string;
  readonly nonce: string;
  readonly message: string;
  /** What is to blame, with its provenance; the whole response when the client's text does not say. */
  readonly resources: readonly Resource[];
  /** True when `resources` are held back; false when the response is tried again in parts to find the culprit. */
  readonly isolated: boolean;
  /** How often the first of these was refused. */
  readonly attempts: number;
}

/** The client asked for names that do not exist. */
export interface Missed extends OnStream {
  readonly kind: "absent";
  readonly typeUrl: string;
  readonly names: readonly string[];
}

/** The client asked for a type that the server does not know; it is not answered. Told once per stream and type, of at most 16 types. */
export interface UnknownType extends OnStream {
  readonly kind: "unknown-type";
  readonly typeUrl: string;
}

/** One event. */
export type XdsEvent = StreamOpened | StreamClosed | Pushed | Acknowledged | Settled | Refused | Missed | UnknownType;
