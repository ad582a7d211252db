/** The mesh's roots as Consul lists them, followed by one blocking query for all who need them. */
import { type CaRoots, type Consul, caBackoff, readyRoots, watch } from "@legation/consul";
import { type Clock, createBackoff, LegationError } from "@legation/runtime";
import { certificatesOf } from "./certificate.js";

/** The roots at one moment; at least one. */
export interface MeshRoots {
  readonly trustDomain: string;
  /** All that are to be trusted, in PEM, those before the active one included. */
  readonly trusted: readonly string[];
  /** The id of the one that signs now: its SHA-1 fingerprint. */
  readonly active: string;
}

/** Who follows. */
export interface RootsFollower {
  /** What is known already, a problem too, is told at once. */
  onRoots(roots: MeshRoots): void;
  /** Consul did not tell; it is asked again. */
  onProblem(error: unknown): void;
  /** Consul tells again, whether anything has changed or not. */
  onRegained(): void;
}

/** See the file's sentence. */
export interface RootsSource {
  /** Follows until the returned function is called. Consul is asked while anybody follows. */
  follow(follower: RootsFollower): () => void;
}

/** Consul counts connections by client: one that is held is asked again rarely. Milliseconds. */
const waitMs = 300_000;

/** Creates the source; nothing is asked before somebody follows. */
export function createRootsSource(consul: Pick<Consul, "get">, clock: Clock): RootsSource {
  const followers = new Set<RootsFollower>();
  let known: MeshRoots | undefined;
  let watching: AbortController | undefined;
  /** Why Consul did not tell when it was last asked. */
  let problem: { readonly error: unknown } | undefined;

  const begin = (): AbortController => {
    const ending = new AbortController();
    watch<CaRoots>(
      consul,
      { path: "/agent/connect/ca/roots", waitMs },
      {
        onAnswer() {
          if (problem) for (const follower of [...followers]) follower.onRegained();
          problem = undefined;
        },
        onValue(data) {
          const next = meshRootsOf(data);
          const changed = JSON.stringify(next) !== JSON.stringify(known);
          known = next;
          if (changed) for (const follower of [...followers]) follower.onRoots(next);
        },
        onError(error) {
          problem = { error };
          for (const follower of [...followers]) follower.onProblem(error);
        },
        signal: ending.signal,
        clock,
        backoff: createBackoff(caBackoff),
      },
    );
    return ending;
  };

  return {
    follow(follower) {
      followers.add(follower);
      if (known) follower.onRoots(known);
      if (problem) follower.onProblem(problem.error);
      watching ??= begin();
      return () => {
        if (!followers.delete(follower) || followers.size > 0) return;
        watching?.abort(new Error("nobody follows the roots any more"));
        watching = undefined;
        known = undefined;
        problem = undefined;
      };
    },
  };
}

/** Reads Consul's answer. Throws as `readyRoots` does, and LegationError "identity.broken" for a root that is no certificate. */
export function meshRootsOf(answered: CaRoots): MeshRoots {
  const { trustDomain, roots } = readyRoots(answered);
  const trusted = roots.map(({ RootCert }) => RootCert.trim());
  if (trusted.some((root) => certificatesOf(root).length === 0))
    throw new LegationError("identity.broken", "one of the roots of Consul's CA is no certificate");
  return { trustDomain, trusted, active: answered.ActiveRootID };
}
