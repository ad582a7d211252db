/** What one process gives each of the several instances that live in it; an instance alone has all of it to itself. */
import type { Access } from "./admin/access.js";
import type { AdminParts } from "./admin/routes.js";
import type { AdminServer } from "./admin/server.js";
import type { RootsSource } from "./identity/roots.js";

/** See the file's sentence. */
export interface Seat {
  /** Where the instance's API stands: `host:port/path`. */
  readonly api: string;
  /** Puts the API there, until it is closed. */
  readonly serve: (parts: AdminParts, access: Access) => Promise<AdminServer>;
  /** The ports of the others on this machine, whether they listen yet or not; those that the instance picks are added. */
  readonly reserved: Set<number>;
  /** The required dependencies among the others that do not run, by name, each with the reason. */
  readonly awaited: () => ReadonlyMap<string, string>;
  /** Required dependencies that are among the others: without an Envoy these alone can be seen. */
  readonly isLocal: (name: string) => boolean;
  /** Consul's roots, followed once for all that reach it in the same way. */
  readonly roots: RootsSource;
  /** Something about the instance may have changed. */
  readonly changed: () => void;
}
