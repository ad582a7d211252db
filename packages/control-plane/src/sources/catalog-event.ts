/** What a source of services tells, one service at a time, so that the cost follows the change. */
import type { CatalogService, GuardAlert } from "@legation/mesh";

/**
 * `service`: all that is known of a service now. `removed`: it has no instance any more. `complete`, once: everything that Consul lists has
 * been read. `lost`: Consul does not answer; what was told stays true until `restored`. `alert`: instances vanished in a way that
 * is not believed yet and stay in the service, `kept`; or they are given up.
 */
export type CatalogEvent =
  | { readonly kind: "service"; readonly service: CatalogService }
  | { readonly kind: "removed"; readonly name: string }
  | { readonly kind: "complete" }
  | { readonly kind: "lost"; readonly error: Error }
  | { readonly kind: "restored" }
  | { readonly kind: "alert"; readonly alert: GuardAlert };

/** How a source stands. */
export interface SourceStatus {
  /** All watches have answered since the last failure. */
  readonly connected: boolean;
  /** The first complete read has succeeded. */
  readonly complete: boolean;
  /** When Consul last answered anything; milliseconds since the epoch; undefined before the first answer. */
  readonly lastAnswerAt: number | undefined;
  readonly services: number;
  /** Services whose newest state is still to be read. */
  readonly behind: number;
  /** Totals since the start. */
  readonly traffic: { readonly requests: number; readonly bytes: number };
}

/** A source of services. */
export interface CatalogSource {
  /** Begins to tell. Events come one after the other, never from within `start`. */
  start(): void;
  /** Ends at once; no event comes afterwards. */
  stop(): void;
  /** Reads one service again now: somebody has reason to believe that it changed. */
  refresh(name: string): void;
  /** Lets go what is held for a service (of all services without a name): the loss is real. */
  release(name?: string): void;
  status(): SourceStatus;
  /** The node IDs of Consul's servers, by which a restart tells whether it is still the same Consul. Save them with the catalog. */
  servers(): readonly string[];
}
