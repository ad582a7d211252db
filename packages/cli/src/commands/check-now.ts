/** `legation check-now`: every check of an instance, or of a service, looks once, at once. */
import type { CheckNowAnswer } from "@legation/contract/api";
import { agentCommand } from "../agent-command.js";
import { ask } from "../api.js";
import { exitCode } from "../exit-code.js";
import { sentence, table } from "../layout.js";
import type { Screen } from "../screen.js";
import { status } from "../status-word.js";

/** A control plane waits no longer for the agents; milliseconds. */
const longestWait = 60_000;

/** What each check of each instance found. */
export function show({ results, silent }: CheckNowAnswer, screen: Screen): string {
  const instances = Object.values(results).flatMap(({ details }) => Object.entries(details.instances));
  const rows = instances.flatMap(([instance, { status: level, answered, message, checks }]) =>
    answered && checks.length > 0
      ? checks.map((check) => [instance, check.check, status(check.level), check.outcome, `${check.response_time_ms} ms`, check.message])
      : [[instance, "-", status(level), "-", "-", message]],
  );
  const unheard = silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")).join("");
  return table(["INSTANCE", "CHECK", "LEVEL", "FOUND", "TOOK", "WHAT"], rows, screen) + unheard;
}

/** Ends when every check has looked, whatever it found. */
export const { run, page } = agentCommand({
  description:
    "Lets every health check of an instance look now, and shows what each found. The results count like any other: thresholds decide what " +
    "becomes of them. The exit code says whether the checks have looked, not what they found. ID may name a service or an instance on another " +
    "machine: then a control plane asks its agents.",
  settings: {},
  timeout: 60_000,
  examples: ["legation check-now", "legation check-now orders-1 --json", "legation check-now orders --api http://10.0.0.5:8080"],
  request: (_values, [id]) => ({ path: "/check-now", body: {}, id }),
  say({ level = "UNKNOWN", results = [] }, screen) {
    const rows = results.map((result) => [result.check, result.level, result.outcome, `${result.responseTimeMs} ms`, result.message]);
    return rows.length === 0 ? `${level}: there is no check` : table(["CHECK", "LEVEL", "FOUND", "TOOK", "WHAT"], rows, screen).trimEnd();
  },
  async remote({ api, target, timeout, screen }) {
    const body = { ...target, limit_ms: Math.min(timeout, longestWait) };
    const path = "/api/orchestration/health/check-now";
    const answer = await ask<CheckNowAnswer>(api, { method: "POST", path, body, limitMs: timeout + 10_000, repeatable: true });
    return { json: answer, text: () => show(answer, screen), code: answer.success ? exitCode.done : exitCode.failed };
  },
});
