/** Commands of control planes: each is carried out once, and its end told to the control plane that asked. */
import {
  type Command,
  type CommandKind,
  type CommandReport,
  type CommandResult,
  type RoutingNotice,
  resultBytes,
  resultPath,
} from "@legation/contract";
import { type Clock, type Logger, messageOf } from "@legation/runtime";
import type { Contacts } from "./contacts.js";
import type { CommandHandler } from "./handlers.js";

/** Commands that are remembered, so that one which comes by two streams is carried out once. */
const remembered = 1_000;
/** How long one attempt to tell the end may take; milliseconds. */
const tellMs = 5_000;
/** Attempts to tell it, and the time between two; milliseconds. */
const attempts = 3;
const pauseMs = 500;
/** Of a message; characters. */
const longestMessage = 10_000;

/** Takes a command that came from the control plane at `api`. Never rejects. */
export type Obey = (command: Command, api: string) => Promise<void>;

/** Makes the function. */
export function createObey(o: {
  readonly handlers: Readonly<Record<CommandKind, CommandHandler>>;
  readonly identity: Pick<RoutingNotice, "node" | "id" | "service">;
  readonly contacts: Pick<Contacts, "ask">;
  readonly clock: Clock;
  readonly log: Logger;
}): Obey {
  const { log } = o;
  const seen = new Set<string>();

  async function carryOut(command: Command): Promise<CommandResult> {
    // One of a later version may ask what this agent does not know.
    const handler: CommandHandler | undefined = Object.hasOwn(o.handlers, command.kind) ? o.handlers[command.kind] : undefined;
    if (!handler)
      return { ok: false, message: `this agent does not know the command ${JSON.stringify(command.kind)}: it is of an earlier version` };
    try {
      return { ok: true, ...(await handler(command)) };
    } catch (error) {
      log.error({ event: "channel.command-failed", command }, `command ${command.kind} of the control plane: ${messageOf(error)}`);
      return { ok: false, message: messageOf(error) };
    }
  }

  async function tell(report: CommandReport, api: string): Promise<void> {
    const told = JSON.stringify(report);
    const fits = Buffer.byteLength(told) <= resultBytes;
    const { body: _, ...short } = report;
    const body = fits ? report : { ...short, ok: false, message: `the answer has more than ${resultBytes} bytes` };
    for (let attempt = 1; ; attempt++) {
      try {
        const { status, body: text } = await o.contacts.ask(api, resultPath, { method: "POST", body, timeoutMs: tellMs });
        if (status === 202) return;
        throw new Error(`answered ${status}: ${text.slice(0, 200)}`);
      } catch (error) {
        if (attempt === attempts) {
          const problem = messageOf(error);
          log.warn(
            { event: "channel.result-untold", command: report.command, problem },
            `${api} was not told what became of a command: ${problem}`,
          );
          return;
        }
        await o.clock.sleep(pauseMs);
      }
    }
  }

  return async (command, api) => {
    if (seen.has(command.id)) return;
    seen.add(command.id);
    for (const oldest of seen) {
      if (seen.size <= remembered) break;
      seen.delete(oldest);
    }
    const { ok, message, body } = await carryOut(command);
    const result = { ok, message: message.slice(0, longestMessage), ...(body === undefined ? {} : { body }) };
    await tell({ ...o.identity, command: command.id, replica: command.replica, ...result }, api);
  };
}
