/** `legation policy apply --canary`: few proxies first, and all of them once requests fare as before there. */
import type { CanaryView, ChangeOutcome } from "@legation/contract/api";
import { codeOf, messageOf, option, systemClock } from "@legation/runtime/command-line";
import { type ApiSettings, ask } from "../api.js";
import { type Reply, type Surroundings, textOf } from "../create-command.js";
import { exitCode } from "../exit-code.js";
import { sentence } from "../layout.js";
import { replyTo } from "./outcome.js";

/** The flags. */
export const canaryOptions = {
  canary: option.boolean({
    description: "First one proxy of each service that gets something else; the others once it holds there, else back",
    default: false,
    flag: "--canary",
  }),
  canaryWindow: option.duration({
    description: "How long its errors are compared with those before and those of the other proxies",
    default: 60_000,
    flag: "--canary-window",
  }),
  canaryRequests: option.integer({
    description: "Requests that each canary proxy must have answered by then; 0: its acknowledgement is enough",
    default: 100,
    min: 0,
    max: 1_000_000_000,
    flag: "--canary-requests",
  }),
  canaryLimit: option.duration({
    description: "It goes back if it cannot be judged by then",
    default: 600_000,
    flag: "--canary-limit",
  }),
};

/** Between two questions how it stands; milliseconds. */
const pollMs = 500;
/** The control planes judge by then, and an answer may be late; milliseconds. */
const grace = 30_000;

interface CanarySettings {
  readonly canaryWindow: number;
  readonly canaryRequests: number;
  readonly canaryLimit: number;
}

/** The terms, as the API takes them. */
export function canaryTerms({ canaryWindow, canaryRequests, canaryLimit }: CanarySettings) {
  const seconds = (ms: number) => Math.max(1, Math.round(ms / 1_000));
  return { window: Math.round(canaryWindow / 1_000), requests: canaryRequests, limit: seconds(canaryLimit) };
}

/** Tells how a canary stands until it is over, and then what became of it. The canary goes on without the command. */
export async function replyToCanary(
  outcome: Extract<ChangeOutcome, { readonly state: "canary" }>,
  settings: ApiSettings & CanarySettings & { readonly wait: boolean; readonly timeout: number },
  surroundings: Surroundings,
): Promise<Reply> {
  const { io, screen } = surroundings;
  const { bundle, version, changed } = outcome;
  const begun = `Version ${version} is a canary: ${changed.join(", ")}.\n`;
  if (!settings.wait) return { json: outcome, text: begun, code: exitCode.pending };
  const end = systemClock.monotonic() + settings.canaryLimit + grace;
  let told = "";
  while (systemClock.monotonic() < end) {
    const canary = await lastCanary(settings);
    const mine = typeof canary !== "string" && canary?.bundle === bundle ? canary : undefined;
    if (mine?.state === "withdrawn") {
      const text = `${begun}${sentence(`It went back: ${mine.verdict}.`, screen)}`;
      return { json: { ...outcome, canary: mine }, text, code: exitCode.failed };
    }
    if (mine?.state === "promoted") {
      const live = await replyTo({ ...outcome, state: "accepted" }, settings, surroundings);
      return {
        ...live,
        json: { ...(live.json as object), canary: mine },
        text: `${begun}${sentence(`It held: ${mine.verdict}.`, screen)}${textOf(live)}`,
      };
    }
    const standing = typeof canary === "string" ? canary : (canary?.standing ?? "");
    if (standing !== "" && standing !== told) io.stderr.write(`${standing}\n`);
    told = standing;
    await systemClock.sleep(pollMs);
  }
  return { json: outcome, text: `${begun}It is not judged yet; "legation policy list" shows it.\n`, code: exitCode.pending };
}

/** The last canary, or why no control plane tells of it now: one that restarts meanwhile changes nothing. */
async function lastCanary(settings: ApiSettings): Promise<CanaryView | null | string> {
  try {
    return (await ask<{ canary: CanaryView | null }>(settings, { path: "/api/policies" })).canary;
  } catch (error) {
    if (!["api.unreachable", "api.busy"].includes(codeOf(error) ?? "")) throw error;
    return messageOf(error);
  }
}
