/** `legation audit`: who changed what over a control plane's API, and who was refused what. */
import { sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";

/** The part of `GET /api/audit` that is shown. */
interface Audited {
  readonly entries: readonly Entry[];
  /** Absent from a control plane of an earlier version. */
  readonly silent?: readonly string[];
}

interface Entry {
  readonly at: string;
  readonly caller: {
    readonly kind: string;
    readonly accessor?: string;
    readonly name?: string;
    readonly spiffeId?: string;
    readonly address: string;
  };
  readonly action: string;
  readonly target: readonly string[];
  readonly outcome: string;
  readonly count: number;
}

/** The table, oldest first: who is a service by its certificate, a token by its description, or an address. What is long stands last. */
export function show({ entries, silent = [] }: Audited, screen: Screen): string {
  const unheard = silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")).join("");
  if (entries.length === 0)
    return sentence("Nothing was changed or refused over the API of any control plane that answers.", screen) + unheard;
  const rows = entries.map(({ at, caller, action, target, outcome, count }) => [
    at.replace(/\.\d+Z$/, "Z"),
    count > 1 ? `${outcome} ${count} times` : outcome,
    whoIs(caller),
    [action, ...target].join(" "),
  ]);
  return table(["AT", "OUTCOME", "WHO", "WHAT"], rows, screen) + (unheard && `\n${unheard}`);
}

function whoIs({ kind, accessor, name, spiffeId, address }: Entry["caller"]): string {
  if (spiffeId) return spiffeId.replace(/^spiffe:.*\/svc\//, "service ");
  return name ?? accessor ?? `${kind} ${address}`;
}

/** Prints the audit of all control planes. */
export const { run, page } = listing<Audited>({
  description:
    "Lists the changes that were made over the HTTP API of any control plane and the requests that were refused, oldest first: when, who (a token's " +
    'description, a certificate or an address), with what outcome, and the ACL rules that it took. Needs key "legation/mesh" { policy = "read" }.',
  examples: ["legation audit", "legation audit --json"],
  seeAlso: ["legation security-events"],
  path: "/api/audit",
  show,
});
