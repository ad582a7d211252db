/** Publications: the numbered moments at which changes of the cache are carried to the streams that they concern. */

/** Names of one type in one layer that changed, and the streams whose clients subscribe to them. */
export interface Mark {
  readonly layer: string;
  readonly typeUrl: string;
  readonly names: Iterable<string>;
  /** Their numbers, as in events. */
  readonly streams: readonly number[];
}

/**
 * One publication. All that the cache was given before it and after the one before is in it. A stream with a mark tells once that it is
 * past it for that type: by an `ack` or a `settled` whose `through` is not below `number`, or by its end.
 */
export interface Publication {
  /** 1 for the first of a server, and one more for each. */
  readonly number: number;
  readonly marks: readonly Mark[];
}
