/** What somebody in the control plane tells of something that happened, before it has an identity and a time. */
import type { EventOf, EventType, Severity } from "@legation/contract/api";

type Told<T extends EventType> = Omit<EventOf<T>, "id" | "time" | "severity" | "replica"> & {
  /** `info` unless given. */
  readonly severity?: Severity;
};

/** An event of any type, as it is told. */
export type ToldEvent = { [T in EventType]: Told<T> }[EventType];
