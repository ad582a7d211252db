/** What becomes of a change: live, and how far; or waiting for signatures. */
import type { ChangeOutcome, Liveness, QuarantineView } from "@legation/contract/api";
import { LegationError, option, systemClock } from "@legation/runtime/command-line";
import { type ApiSettings, ask } from "../api.js";
import type { Reply, Surroundings } from "../create-command.js";
import { exitCode } from "../exit-code.js";
import { refusalsText } from "./refusals.js";

/** The settings of every command that changes policies. */
export const changeOptions = {
  reason: option.string({ description: "Why, for the history", default: "", flag: "--reason" }),
  author: option.string({ description: "Who, for the history, where no ACL token says it", env: ["USER", "LOGNAME"], flag: "--author" }),
  wait: option.boolean({ description: "Wait until every proxy has it", default: true, flag: "--wait" }),
  timeout: option.duration({ description: "How long to wait; the change goes on after it", default: 30_000, flag: "--timeout" }),
};

/** Between two questions how far it is; milliseconds. */
const pollMs = 100;

/**
 * Waits until a change is live everywhere, tells its progress on stderr, and says what became of it. Throws LegationError `policy.refused`
 * when a replica refuses it.
 */
export async function replyTo(
  outcome: ChangeOutcome,
  settings: ApiSettings & { readonly wait: boolean; readonly timeout: number },
  { io, screen }: Surroundings,
): Promise<Reply> {
  if (outcome.state === "unchanged") return { json: outcome, text: `Nothing changes: version ${outcome.version} says the same already.\n` };
  if (outcome.state === "awaiting-approval") {
    const { proposal, lacks } = outcome;
    const todo = `Each of them:\n  legation policy sign ${proposal} --key FILE\nand then\n  legation policy apply ${proposal}\n`;
    return { json: outcome, text: `Not live yet: ${lacks.join("; ")}.\n${todo}`, code: exitCode.pending };
  }
  const { bundle, version, changed } = outcome;
  const isMine = ({ documents }: QuarantineView) => documents.some((document) => changed.includes(document));
  const accepted = `Version ${version} is accepted: ${changed.join(", ")}.\n`;
  if (!settings.wait) return { json: outcome, text: accepted };
  const began = systemClock.monotonic();
  const took = () => systemClock.monotonic() - began;
  let told = "";
  for (;;) {
    const liveness = await ask<Liveness>(settings, {
      method: "POST",
      path: "/api/policies/live",
      body: { bundle },
      repeatable: true,
    });
    const { proxies, live, laggards, replicas, inForce, silent, refused } = liveness;
    if (refused.length > 0) throw new LegationError("policy.refused", `version ${version} is refused by ${refused.join("; ")}`);
    const where = `live on ${live} of ${proxies} proxies, in force at ${inForce} of ${replicas + silent.length} control planes`;
    const refusals = (liveness.quarantined ?? []).filter(isMine);
    const isLive = live === proxies && inForce === replicas && silent.length === 0;
    const seconds = (took() / 1_000).toFixed(1);
    if (isLive && refusals.length > 0) {
      const why = refusalsText(refusals, screen);
      const text = `${accepted}${capital(where)}, in ${seconds} s, but for what proxies refused.\n${why}`;
      return { json: { ...outcome, liveness }, text, code: exitCode.failed };
    }
    if (isLive) return { json: { ...outcome, liveness }, text: `${accepted}${capital(where)}, in ${seconds} s.\n` };
    if (where !== told) io.stderr.write(`${where}\n`);
    told = where;
    if (took() >= settings.timeout) {
      const late = [...laggards, ...silent].join(", ");
      const text = `${accepted}${capital(where)} after ${seconds} s${late ? `; not yet: ${late}` : ""}.\n`;
      return { json: { ...outcome, liveness }, text, code: exitCode.pending };
    }
    await systemClock.sleep(pollMs);
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
