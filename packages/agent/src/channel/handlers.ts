/** What the agent does for each kind of command, and what it answers. */
import type { Command, CommandKind, CommandResult } from "@legation/contract";
import { LegationError } from "@legation/runtime";
import { envoyConfigOf } from "../envoy/config.js";
import { checkNow } from "../health/health-status.js";
import type { Instance } from "../instance.js";
import { statusOf } from "../status.js";
import type { Traffic } from "../traffic.js";

/** Carries out one command. Rejects with an Error whose message says why not. */
export type CommandHandler = (command: Command) => Promise<Omit<CommandResult, "ok">>;

/** The handlers of an instance. */
export function commandHandlers(instance: Instance, traffic: Traffic): Readonly<Record<CommandKind, CommandHandler>> {
  const cause = ({ kind }: Command): string => `command ${kind} of the control plane`;
  return {
    async restart(command) {
      const answer = traffic.restart(cause(command), command.force ?? false);
      if ("problem" in answer) throw new LegationError("restart.refused", answer.problem);
      return { message: await answer.done };
    },
    async "check-now"() {
      const body = await checkNow(instance.health, () => instance.clock.now());
      return { message: `${body.results.length} checks have looked: ${body.level}`, body };
    },
    async drain(command) {
      const body = await traffic.drain(cause(command));
      return { message: "drained", body };
    },
    async undrain(command) {
      await traffic.undrain(cause(command));
      return { message: "back in service" };
    },
    async "envoy-config"() {
      const body = await envoyConfigOf(instance);
      const count = Object.values(body.held).reduce((sum, rows) => sum + rows.length, body.leftOut);
      return { message: `Envoy holds ${count} resources`, body };
    },
    async status() {
      const body = statusOf(instance);
      return { message: body.reason, body };
    },
  };
}
