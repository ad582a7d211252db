/** `legation intentions`: who may call whom. */
import { sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";
import { status } from "../status-word.js";

/** The part of `GET /api/intentions` that is shown. */
interface Intentions {
  readonly default: string | null;
  readonly intentions: readonly {
    readonly source: string;
    readonly destination: string;
    readonly precedence: number;
    readonly rule: string | readonly { readonly action: string }[];
    readonly flaw?: string;
  }[];
}

/** The intentions in the order in which they are asked, and what holds where none speaks. */
export function show({ intentions, default: byDefault }: Intentions, screen: Screen): string {
  const rest = `What no intention speaks of: ${byDefault ?? "nobody has said; give the control plane --default-intention"}.`;
  if (intentions.length === 0) return sentence(`There is no intention in Consul. ${rest}`, screen);
  const rows = intentions.map(({ source, destination, precedence, rule, flaw }) => [
    source,
    destination,
    typeof rule === "string" ? status(rule) : rule.map(({ action }) => action).join(", then "),
    String(precedence),
    flaw === undefined ? "-" : { text: `denies everything: ${flaw}`, level: "bad" as const },
  ]);
  return `${table(["FROM", "TO", "RULE", "PRECEDENCE", "FLAW"], rows, screen)}\n${sentence(rest, screen)}`;
}

/** Prints the intentions. */
export const { run, page } = listing<Intentions>({
  synopsis: ["legation intentions [flags]", "legation intentions check FROM TO [flags]"],
  description: "Lists Consul's intentions as the control plane follows them, first those that are asked first.",
  examples: ["legation intentions", "legation intentions check web orders --path /admin --method POST"],
  path: "/api/intentions",
  show,
});

/** The commands below it. */
export const commands = [
  { name: "check", summary: "Say what becomes of a call, and by which intention", load: () => import("../intentions/check.js") },
];
