/** `legation restart`: a new process of the service, between a drain and an undrain. */

import type { RestartAnswer } from "@legation/contract/api";
import { option } from "@legation/runtime/command-line";
import { agentCommand } from "../agent-command.js";
import { ask } from "../api.js";
import { exitCode } from "../exit-code.js";
import { sentence, table } from "../layout.js";
import type { Screen } from "../screen.js";
import { status } from "../status-word.js";

/** A control plane waits no longer for a restart; milliseconds. */
const longestWait = 600_000;

/** What became of each instance, and of all together. */
export function show({ instances, message, silent, success }: RestartAnswer, screen: Screen): string {
  const rows = instances.map(({ instance, outcome, message: words }) => [instance, status(levels[outcome], outcome), words]);
  const below = [
    sentence(message, screen, success ? undefined : "bad"),
    ...silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")),
  ];
  return `${table(["INSTANCE", "OUTCOME", "WHAT"], rows, screen)}\n${below.join("")}`;
}

const levels = { restarted: "done", failed: "failed", "under-way": "pending", "not-begun": "unknown", "no-agent": "unknown" } as const;

/** Ends when the callers' proxies have the instance again. */
export const { run, page } = agentCommand({
  description:
    "Restarts the process of an instance without losing a request: drain, stop, start, healthy, undrain, acknowledged by the callers' proxies. " +
    "A drained instance stays drained. Refused when the attempts to start it are used up, unless --force gives them back. Needs a second " +
    "instance of the service to take the requests meanwhile. ID may name a service or an instance on another machine: then a control plane has " +
    "its agents restart, one instance after the other, up to the first that fails.",
  settings: {
    force: option.boolean({
      description: "Start it although its attempts are used up, and count them anew",
      default: false,
      flag: "--force",
    }),
  },
  timeout: 300_000,
  examples: ["legation restart", "legation restart orders-1 --force --timeout 2m", "legation restart orders --api http://10.0.0.5:8080"],
  request: ({ force }, [id]) => ({ path: "/restart", body: { force, wait: true }, id }),
  say: ({ message }) => message ?? "restarted",
  async remote({ api, target: { service, instance }, values: { force }, timeout, screen }) {
    const path = `/api/orchestration/restart/${encodeURIComponent(service)}`;
    const body = { force, wait_ms: Math.min(timeout, longestWait), ...(instance === undefined ? {} : { instance }) };
    const answer = await ask<RestartAnswer>(api, { method: "POST", path, body, limitMs: timeout + 10_000 });
    const isOver = answer.instances.every(({ outcome }) => outcome !== "under-way");
    return {
      json: answer,
      text: () => show(answer, screen),
      code: !answer.success ? exitCode.failed : isOver ? exitCode.done : exitCode.pending,
    };
  },
});
