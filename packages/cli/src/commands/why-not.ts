/** `legation why-not`: each gate between an instance's start and its traffic, and the first that is shut. */
import type { WhyNotAnswer } from "@legation/contract/api";
import { exitCode } from "../exit-code.js";
import { type Cell, sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";
import { status } from "../status-word.js";

/** The answer in a sentence, the gates, and what to do at each that is not open. */
export function show({ text, gates, getsTraffic, silent }: WhyNotAnswer, screen: Screen): string {
  const rows = gates.map(({ gate, open, what }): Cell[] => [
    gate,
    open === null ? status("warning", "?") : status(open ? "yes" : "no"),
    what,
  ]);
  const fixes = gates.flatMap(({ gate, open, what, fix }) => (open === true ? [] : [`${gate}: ${what}${fix === null ? "" : `. ${fix}`}`]));
  return [
    sentence(text, screen, getsTraffic ? undefined : "bad"),
    `\n${table(["GATE", "OPEN", "WHAT"], rows, screen)}`,
    fixes.length > 0 ? `\n${fixes.map((fix) => sentence(fix, screen)).join("")}` : "",
    ...silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")),
  ].join("");
}

/** Prints why; fails when the instance gets no traffic. */
export const { run, page } = listing<WhyNotAnswer>({
  operands: [{ name: "INSTANCE", values: "instance" }],
  description:
    "Says why an instance gets no traffic: every gate from its start to the callers' proxies in the order in which it passes them, the first that is " +
    "shut, and what to do. INSTANCE is <Consul node>/<service id>, or the ID, or a service that has one instance. It need not be registered: its agent's " +
    "reports are enough. The exit code is 1 when a gate is shut.",
  exitStatus: { 0: "It gets traffic.", 1: "A gate is shut, or the command failed." },
  examples: ["legation why-not orders-1", "legation why-not n1/orders-1 --json"],
  path: (_values, [name = ""]) => `/api/why-not/${encodeURIComponent(name)}`,
  show,
  code: ({ getsTraffic }) => (getsTraffic ? exitCode.done : exitCode.failed),
});
