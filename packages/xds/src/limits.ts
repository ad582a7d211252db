/** The bounds that keep bad clients from harming good ones. */

/** Every bound with its unit. What exceeds one ends its own stream, and no other. */
export interface Limits {
  /** Streams at once, and besides them as many calls for status and load reports together. RESOURCE_EXHAUSTED. */
  readonly streams: number;
  /** Bytes of one request. RESOURCE_EXHAUSTED. */
  readonly messageBytes: number;
  /** Names that one stream asks for one by one, or says on reconnecting that it holds, per type. RESOURCE_EXHAUSTED. */
  readonly names: number;
  /** Characters of these names and of the versions with them, all together, per type. RESOURCE_EXHAUSTED. */
  readonly nameCharacters: number;
  /** Names per stream and type that do not exist and are remembered for when they appear; further ones are answered and forgotten. */
  readonly absentNames: number;
  /** Milliseconds until a stream's first request. DEADLINE_EXCEEDED. */
  readonly firstRequestMs: number;
  /** Milliseconds that `authenticate` may take. DEADLINE_EXCEEDED. */
  readonly authenticationMs: number;
  /** Milliseconds for which a client may leave a written response unread. The stream is reset. */
  readonly unreadMs: number;
  /**
   * Milliseconds for which a client may leave a response that it has read without ACK and NACK; DEADLINE_EXCEEDED. 0 = for ever, which is
   * the default: an Envoy rightly keeps back its answer about clusters as long as one of them warms. The status tells since when.
   */
  readonly unansweredMs: number;
  /** Milliseconds after which a stream is ended so that replicas share the load, shortened by up to a fifth at random; 0 = never. */
  readonly streamAgeMs: number;
}

/** The limits of a server that is given none. */
export const defaultLimits: Limits = {
  streams: 10_000,
  messageBytes: 16 * 1024 * 1024,
  names: 50_000,
  nameCharacters: 4 * 1024 * 1024,
  absentNames: 1_024,
  firstRequestMs: 30_000,
  authenticationMs: 10_000,
  unreadMs: 60_000,
  unansweredMs: 0,
  streamAgeMs: 0,
};
