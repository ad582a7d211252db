/** What Envoys hold beside what they were sent. */
import type { DriftReport } from "@legation/contract/api";
import { type Cell, sentence, table } from "../layout.js";
import type { Level, Screen } from "../screen.js";

const levels: Readonly<Record<DriftReport["state"], Level>> = { none: "good", drift: "bad", unknown: "warn" };

/** One line for each proxy, and below it each difference. */
export function showDrift(reports: readonly DriftReport[], screen: Screen): string {
  if (reports.length === 0) return "No proxy is connected.\n";
  const rows = reports.map(({ node, envoy, compared, pending, differences, leftOut, state }): Cell[] => [
    node,
    envoy ?? "-",
    compared,
    pending,
    differences.length + leftOut,
    { text: state, level: levels[state] },
  ]);
  const notes = reports.flatMap((report) => notesOf(report).map((note) => sentence(note, screen)));
  const silent = new Set(reports.flatMap((report) => report.silent));
  const unheard = [...silent].map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad"));
  const below = [...notes, ...unheard].join("");
  return table(["PROXY", "ENVOY", "COMPARED", "ON THEIR WAY", "DIFFERENT", "DRIFT"], rows, screen) + (below === "" ? "" : `\n${below}`);
}

function notesOf({ node, state, reason, differences, leftOut, draining, streams }: DriftReport): readonly string[] {
  return [
    ...(state === "unknown" ? [`${node}: ${reason}`] : differences.map(({ text }) => `${node}: ${text}`)),
    ...(leftOut > 0 ? [`${node}: and ${leftOut} more`] : []),
    ...(draining.length > 0 ? [`${node}: drains ${draining.join(", ")}`] : []),
    ...(streams > 1 ? [`${node}: ${streams} streams: compared with the one that fits`] : []),
  ];
}
