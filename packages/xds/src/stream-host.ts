/** What the streams of a server share. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { Clock } from "@legation/runtime";
import type { XdsEvent } from "./event.js";
import type { FrameCache } from "./frame.js";
import type { InterestIndex } from "./interest.js";
import type { Limits } from "./limits.js";
import type { NameLists } from "./names.js";
import type { OrderLimits } from "./order.js";
import type { RetryTimes } from "./rejection.js";
import type { Stream } from "./stream.js";
import type { ResourceType } from "./type.js";

/** What a stream needs of its server; shared by all streams. */
export interface StreamHost {
  readonly types: ReadonlyMap<string, ResourceType>;
  readonly frames: FrameCache;
  readonly lists: NameLists;
  readonly interest: InterestIndex<Stream>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly limits: Limits;
  readonly order: OrderLimits;
  readonly retry: RetryTimes;
  readonly emptyAssignments: boolean;
  /** The number of the last publication. */
  readonly publication: number;
  resendEndpoints(node: Node): boolean;
  event(event: XdsEvent): void;
  /** The first request came; the view follows with `attach`, at once or later. */
  opened(stream: Stream): void;
  /** The stream asks for names that do not exist. */
  wanted(stream: Stream, typeUrl: string, names: readonly string[]): void;
  /** The stream acknowledged something, changed what it asks for, or turned out to be owed nothing now. */
  heard(stream: Stream): void;
  closed(stream: Stream): void;
}
