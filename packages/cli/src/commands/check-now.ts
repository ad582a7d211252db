/** `legation check-now`: every check of an instance looks once, at once. */
import { agentCommand } from "../agent-command.js";
import { table } from "../layout.js";

/** Ends when every check has looked, whatever it found. */
export const { run, page } = agentCommand({
  description:
    "Lets every health check of an instance look now, and shows what each found. The results count like any other: thresholds decide what " +
    "becomes of them. The exit code says whether the checks have looked, not what they found.",
  settings: {},
  timeout: 60_000,
  examples: ["legation check-now", "legation check-now orders-1 --json"],
  request: (_values, [id]) => ({ path: "/check-now", body: {}, id }),
  say({ level = "UNKNOWN", results = [] }, screen) {
    const rows = results.map((result) => [result.check, result.level, result.outcome, `${result.responseTimeMs} ms`, result.message]);
    return rows.length === 0 ? `${level}: there is no check` : table(["CHECK", "LEVEL", "FOUND", "TOOK", "WHAT"], rows, screen).trimEnd();
  },
});
