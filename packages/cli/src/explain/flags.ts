/** Response flags for people: what each means, what is so here, and what to do. */
import type { AccessLine, FlagExplanation } from "@legation/contract/api";
import { sentence } from "../layout.js";
import type { Screen } from "../screen.js";
import { showExplanation } from "./request.js";

/** All of it. */
export function showFlags({ line, flags, findings, explanation, silent }: FlagExplanation, screen: Screen): string {
  const parts = [
    ...(line ? [sentence(lineText(line), screen)] : []),
    ...findings.map((finding) => sentence(`- ${finding}`, screen)),
    ...(flags.length === 0 ? [sentence("No response flag: an application answered, or a route by itself.", screen)] : []),
    ...flags.flatMap(({ flag, name, meaning, action, here }) => [
      "\n",
      sentence(`${flag} ${name}`, screen, "strong"),
      sentence(meaning, screen),
      sentence(`What to do: ${action}`, screen),
      ...(here.length === 0 ? [sentence("Here and now: nothing that could be its cause.", screen)] : ["Here and now:\n"]),
      ...here.map((cause) => sentence(`- ${cause}`, screen, "warn")),
    ]),
    ...silent.map((who) => sentence(`Not asked: ${who}`, screen, "warn")),
    ...(explanation ? ["\n", sentence("Where such a request goes now", screen, "strong"), showExplanation(explanation, screen)] : []),
  ];
  return parts.join("").replace(/^\n/, "");
}

function lineText({ method, host, path, status, upstream, cluster, time }: AccessLine): string {
  const asked = [method, host === undefined ? path : `http://${host}${path ?? ""}`].filter((word) => word !== undefined).join(" ");
  const to = upstream === undefined ? "" : ` from ${upstream}${cluster === undefined ? "" : ` (${cluster})`}`;
  return `${asked || "a request"}: ${status ?? "no status"}${to}${time === undefined ? "" : ` at ${time}`}`;
}
