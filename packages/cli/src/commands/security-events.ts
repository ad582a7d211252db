/** `legation security-events`: what any control plane has seen that may be an attack, or is about to lock somebody out. */
import { sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";

/** The part of `GET /api/security-events` that is shown. */
interface Seen {
  /** Absent from a control plane of an earlier version. */
  readonly silent?: readonly string[];
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
export function show({ events, silent = [] }: Seen, screen: Screen): string {
  const unheard = silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")).join("");
  if (events.length === 0)
    return sentence("No control plane that answers has seen anything since it started that may be an attack.", screen) + unheard;
  const second = (time: string) => time.replace(/\.\d+Z$/, "Z");
  const rows = events.map(({ at, lastAt, kind, count, message }) => [second(at), second(lastAt), kind, count, message]);
  return table(["FIRST", "LAST", "KIND", "TIMES", "WHAT"], rows, screen) + (unheard && `\n${unheard}`);
}

/** Prints the security events of all control planes. */
export const { run, page } = listing<Seen>({
  description:
    "Lists what any control plane has seen since its start that may be an attack or is about to lock somebody out, oldest first: refused handshakes " +
    'and claims, denied calls, tampered policies, certificates that end. Needs key "legation/mesh" { policy = "read" }.',
  examples: ["legation security-events", "legation security-events --watch 10s"],
  seeAlso: ["legation audit"],
  path: "/api/security-events",
  show,
});
