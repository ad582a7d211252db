/** What a control plane asks an agent over the channel, and what the agent answers. */
import type { commandOrder, commandReport } from "./api/command.js";
import type { View } from "./api/view.js";

/**
 * `restart`, `drain` and `undrain` do what the agent's own API does, and are answered at their end. `check-now` lets every check look at once;
 * its body is what they found. `status` changes nothing; its body is what the agent's API says at `/v1/status`.
 * `envoy-config` asks the instance's Envoy what it holds; its body is an EnvoyConfig.
 */
export const commandKinds = ["restart", "check-now", "drain", "undrain", "status", "envoy-config"] as const;
/** One of `commandKinds`. */
export type CommandKind = (typeof commandKinds)[number];

/** What is asked. */
export type CommandOrder = View<typeof commandOrder>;

/** An order on its way. An agent that gets it twice, from two control planes, carries it out once. */
export interface Command extends CommandOrder {
  readonly id: string;
  /** The control plane that waits for the result. */
  readonly replica: string;
}

/** An agent's word on a command. */
export type CommandReport = View<typeof commandReport>;

/** What became of an order: a CommandReport's own part. */
export type CommandResult = Pick<CommandReport, "ok" | "message" | "body">;

/** `POST` here with a CommandReport; answered 202 whether somebody still waits for it or not. */
export const resultPath = "/v1/agents/result";

/** A CommandReport may be this large; bytes. */
export const resultBytes = 4 * 1024 * 1024;
