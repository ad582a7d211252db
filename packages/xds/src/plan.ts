/** What a client is owed, from which state, and what became of it: the values that pass between a subscription and its stream. */
import type { Frame } from "./frame.js";
import type { Held } from "./holding.js";
import type { NameList } from "./names.js";
import type { Rejection } from "./rejection.js";
import type { Resource } from "./resource.js";

/** What a client is owed. */
export interface Plan {
  /** Resources that it does not hold. */
  readonly set: readonly Resource[];
  /** Names that it holds and has to forget. */
  readonly remove: readonly string[];
  /** Names that it asked for and that do not exist. */
  readonly absent: readonly string[];
  /** The plan is all that a wildcard shows, to a client of which nothing is known: the list is shared with others. */
  readonly whole: boolean;
}

/** A response that waits for its ACK or NACK. */
export interface Outstanding {
  readonly frame: Frame;
  readonly plan: Plan;
  /** What was held before, by name, of what the response changes. */
  readonly before: ReadonlyMap<string, Held>;
  /** Monotonic milliseconds. */
  readonly since: number;
}

/** What a subscription may ask of the state: what exists for this client. */
export interface Source {
  /** What a client that asks for the name gets. */
  lookup(name: string): Resource | undefined;
  /** What a wildcard shows under the name. */
  visible(name: string): Resource | undefined;
  /** All that a wildcard shows; the same array until something changes. */
  all(): readonly Resource[];
  /** What asking for each of the names gets, the same array until something changes; undefined when one does not exist. */
  resolve(list: NameList): readonly Resource[] | undefined;
  /** True while it is being found out whether the name can be provided. */
  awaited(name: string): boolean;
}

/** What a refusal led to. */
export interface Refusal {
  readonly message: string;
  /** The resources held back now. Empty when the text did not say which, and the response is tried again in parts. */
  readonly blamed: readonly Rejection[];
  readonly suspects: readonly Resource[];
}

/** Who wants to know which names a stream asks for one by one. */
export interface InterestListener {
  added(typeUrl: string, name: string): void;
  removed(typeUrl: string, name: string): void;
  /** All names of a list, at once. */
  addedList(typeUrl: string, list: NameList): void;
}

/** Nothing is owed. */
export const nothingOwed: Plan = { set: [], remove: [], absent: [], whole: false };
