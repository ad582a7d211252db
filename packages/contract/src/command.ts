/** What a control plane asks an agent over the channel, and what the agent answers. */

/**
 * `restart`, `drain` and `undrain` do what the agent's own API does, and are answered at their end. `check-now` lets every check look at once;
 * its body is what they found. `status` changes nothing; its body is what the agent's API says at `/v1/status`.
 * `envoy-config` asks the instance's Envoy what it holds; its body is an EnvoyConfig.
 */
export const commandKinds = ["restart", "check-now", "drain", "undrain", "status", "envoy-config"] as const;
/** One of `commandKinds`. */
export type CommandKind = (typeof commandKinds)[number];

/** What is asked. */
export interface CommandOrder {
  readonly kind: CommandKind;
  /** Of a restart: although its attempts are used up. */
  readonly force?: boolean;
}

/** An order on its way. An agent that gets it twice, from two control planes, carries it out once. */
export interface Command extends CommandOrder {
  readonly id: string;
  /** The control plane that waits for the result. */
  readonly replica: string;
}

/** What became of an order. */
export interface CommandResult {
  /** False when the agent refused it, or failed at it. */
  readonly ok: boolean;
  /** In words; the reason when it is not ok. */
  readonly message: string;
  /** What the kind says. */
  readonly body?: unknown;
}

/** An agent's word on a command. */
export interface CommandReport extends CommandResult {
  readonly node: string;
  readonly id: string;
  readonly service: string;
  /** The command's `id` and `replica`. */
  readonly command: string;
  readonly replica: string;
  /** True when a control plane passes it on to the one that waits for it. */
  readonly relayed?: boolean;
}

/** `POST` here with a CommandReport; answered 202 whether somebody still waits for it or not. */
export const resultPath = "/v1/agents/result";

/** A CommandReport may be this large; bytes. */
export const resultBytes = 4 * 1024 * 1024;
