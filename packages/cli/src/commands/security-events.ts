/** `legation security-events`: what a control plane has seen that may be an attack, or is about to lock somebody out. */
import { sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";

/** The part of `GET /api/security-events` that is shown. */
interface Seen {
  readonly events: readonly {
    /** RFC 3339, as `lastAt`. */
    readonly at: string;
    readonly lastAt: string;
    readonly kind: string;
    readonly count: number;
    readonly message: string;
  }[];
}

/** The table, oldest first. */
export function show({ events }: Seen, screen: Screen): string {
  if (events.length === 0) return sentence("This control plane has seen nothing since it started that may be an attack.", screen);
  const second = (time: string) => time.replace(/\.\d+Z$/, "Z");
  const rows = events.map(({ at, lastAt, kind, count, message }) => [second(at), second(lastAt), kind, count, message]);
  return table(["FIRST", "LAST", "KIND", "TIMES", "WHAT"], rows, screen);
}

/** Prints the security events of a control plane. */
export const { run, page } = listing<Seen>({
  description:
    "Lists what a control plane has seen since its start that may be an attack or is about to lock somebody out, oldest first: refused handshakes " +
    'and claims, denied calls, tampered policies, certificates that end. Needs key "legation/mesh" { policy = "read" }.',
  examples: ["legation security-events", "legation security-events --watch 10s"],
  seeAlso: ["legation audit"],
  path: "/api/security-events",
  show,
});
