/** `legation security-events`: what a control plane has seen that may be an attack, or is about to lock somebody out. */
import { sentence, table } from "../layout.js";
import { listing } from "../listing.js";

/** The part of `GET /v1/security-events` that is shown. */
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
export function show({ events }: Seen, width?: number): string {
  if (events.length === 0) return sentence("This control plane has seen nothing since it started that may be an attack.", width);
  const second = (time: string) => time.replace(/\.\d+Z$/, "Z");
  const rows = events.map(({ at, lastAt, kind, count, message }) => [second(at), second(lastAt), kind, count, message]);
  return table(["FIRST", "LAST", "KIND", "TIMES", "WHAT"], rows, width);
}

/** Prints the security events of a control plane. */
export const run = listing<Seen>({
  name: "security-events",
  summary:
    "Lists what a control plane has seen since its start that may be an attack or is about to lock somebody out, oldest first: refused handshakes " +
    'and claims, denied calls, tampered policies, certificates that end. Needs key "legation/mesh" { policy = "read" }.',
  path: "/v1/security-events",
  show,
});
