/** The bounds that keep bad clients from harming good ones. */

/** Every bound with its unit. What exceeds one ends its own stream, and no other. */
export interface Limits {
  /** Streams at once. RESOURCE_EXHAUSTED. */
  readonly streams: number;
  /** Bytes of one request. RESOURCE_EXHAUSTED. */
  readonly messageBytes: number;
  /** Names that one stream asks for one by one, per type. RESOURCE_EXHAUSTED. */
  readonly names: number;
  /** Names per stream and type that do not exist and are remembered for when they appear; further ones are answered and forgotten. */
  readonly absentNames: number;
  /** Milliseconds until a stream's first request. DEADLINE_EXCEEDED. */
  readonly firstRequestMs: number;
  /** Milliseconds for which a client may leave a written response unread. The stream is reset. */
  readonly unreadMs: number;
  /** Milliseconds after which a stream is ended so that replicas share the load, shortened by up to a fifth at random; 0 = never. */
  readonly streamAgeMs: number;
}

/** The limits of a server that is given none. */
export const defaultLimits: Limits = {
  streams: 10_000,
  messageBytes: 16 * 1024 * 1024,
  names: 50_000,
  absentNames: 1_024,
  firstRequestMs: 30_000,
  unreadMs: 60_000,
  streamAgeMs: 0,
};
