/** Orders for agents, whichever control plane their streams are open at, with what became of them. */
import { randomUUID } from "node:crypto";
import {
  type Command,
  type CommandOrder,
  type CommandReport,
  type CommandResult,
  instanceKey,
  type RoutingNotice,
  resultPath,
} from "@legation/contract";
import { type Clock, codeOf, LegationError, messageOf } from "@legation/runtime";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replica } from "../replicas/directory.js";
import type { CommandDirectory } from "./commands.js";

/** The path by which control planes pass orders on. */
export const orderPath = "/v1/agents/order";

/** An instance whose agent is meant. */
export type Commanded = Pick<RoutingNotice, "node" | "id" | "service">;

/** An order that another control plane passes on. */
export interface RelayedOrder {
  readonly relayed: true;
  readonly node: string;
  readonly id: string;
  readonly service: string;
  /** The command, the same wherever it is sent. */
  readonly command: string;
  readonly order: CommandOrder;
  readonly limitMs: number;
}

/** What a control plane answers to an order that was passed on. */
export interface RelayedResult {
  /** The agent of that instance listens there. */
  readonly held: boolean;
  /** Null when it does not, and when it has not answered in time. */
  readonly result: CommandResult | null;
}

/** How long an order may be under way at most; milliseconds. */
export const orderLimit = 600_000;

/** Orders under way at one control plane, at most. */
export const ordersUnderWay = 1_000;

/** What another replica needs to pass an answer back; milliseconds. */
const wayMs = 250;

/** See the file's sentence. */
export interface Commander {
  /**
   * Has the agent of an instance carry out an order; resolves to what it answered. Throws a LegationError: `agent.absent` when the agent listens
   * at no control plane that answers, `agent.timeout` when it has not answered within `limitMs`, `agent.busy` when too many orders are under
   * way; and the signal's reason when that aborts, whatever the agent does.
   */
  command(instance: Commanded, order: CommandOrder, limitMs: number, signal?: AbortSignal): Promise<CommandResult>;
  /** An order that another control plane passes on, carried out by agents that listen here. */
  relayed(order: RelayedOrder, signal: AbortSignal): Promise<RelayedResult>;
  /** An agent's word. Passed on when another control plane waits for it. */
  report(report: CommandReport): Promise<void>;
}

const notInTime = "agent.timeout";

interface Waiting {
  readonly instance: string;
  settle(result: CommandResult): void;
}

/** Makes the commander. */
export function createCommander(o: {
  /** This replica's name. */
  readonly own: string;
  readonly commands: CommandDirectory;
  readonly others: () => readonly Replica[];
  readonly ask: AskReplica;
  readonly clock: Clock;
}): Commander {
  const waiting = new Map<string, Waiting>();

  /** Undefined when no agent of the instance listens here. */
  function here(
    instance: Commanded,
    id: string,
    order: CommandOrder,
    limitMs: number,
    signal: AbortSignal,
  ): Promise<CommandResult> | undefined {
    const key = instanceKey(instance.node, instance.id);
    signal.throwIfAborted();
    if (!o.commands.has(key)) return undefined;
    if (waiting.size >= ordersUnderWay)
      throw new LegationError(
        "agent.busy",
        `${ordersUnderWay} commands are under way at this control plane; come again when they are over`,
      );
    if (waiting.has(id)) throw new LegationError("agent.busy", `the command ${id} is under way already`);
    const command: Command = { ...order, id, replica: o.own };
    o.commands.send(key, command);
    return new Promise<CommandResult>((resolve, reject) => {
      const over = (): void => {
        waiting.delete(id);
        timer.cancel();
        signal.removeEventListener("abort", aborted);
      };
      const aborted = (): void => {
        over();
        reject(signal.reason as Error);
      };
      const timer = o.clock.timeout(limitMs, () => {
        over();
        reject(late(key, order, limitMs));
      });
      signal.addEventListener("abort", aborted, { once: true });
      waiting.set(id, {
        instance: key,
        settle(settled) {
          over();
          resolve(settled);
        },
      });
    });
  }

  async function elsewhere(
    instance: Commanded,
    id: string,
    order: CommandOrder,
    limitMs: number,
    signal: AbortSignal,
  ): Promise<CommandResult> {
    const { node, id: instanceId, service } = instance;
    const key = instanceKey(node, instanceId);
    const found = new AbortController();
    const ended = AbortSignal.any([signal, found.signal]);
    const body: RelayedOrder = { relayed: true, node, id: instanceId, service, command: id, order, limitMs: Math.max(1, limitMs - wayMs) };
    const silent: string[] = [];
    let held = false;
    try {
      // The first result counts: of an agent whose old stream another one still holds for open, that one hears nothing.
      return await Promise.any(
        o.others().map(async (to) => {
          try {
            const answer = (await o.ask(to, orderPath, body, limitMs, ended)) as RelayedResult;
            if (answer.result) return answer.result;
            held ||= answer.held;
          } catch (error) {
            silent.push(`${to.address} ${messageOf(error)}`);
          }
          throw new Error(`${to.address} does not hold the agent`);
        }),
      );
    } catch {
      signal.throwIfAborted();
      if (held) throw late(key, order, limitMs);
      const rest = silent.length > 0 ? `; ${silent.join("; ")}` : "";
      throw new LegationError(
        "agent.absent",
        `no agent of ${key} listens at a control plane${rest}. Look whether it runs, and what its log says of its control planes`,
      );
    } finally {
      found.abort(new Error("another control plane had the agent"));
    }
  }

  return {
    async command(instance, order, limitMs, signal = new AbortController().signal) {
      const id = randomUUID();
      const limit = Math.min(limitMs, orderLimit);
      return await (here(instance, id, order, limit, signal) ?? elsewhere(instance, id, order, limit, signal));
    },
    async relayed({ command, order, limitMs, ...instance }, signal) {
      try {
        const result = await here(instance, command, order, limitMs, signal);
        return { held: result !== undefined, result: result ?? null };
      } catch (error) {
        if (codeOf(error) === notInTime) return { held: true, result: null };
        if (codeOf(error) === "agent.busy") return { held: true, result: { ok: false, message: messageOf(error) } };
        throw error;
      }
    },
    async report(report) {
      const { command, replica, ok, message, body } = report;
      if (replica === o.own) {
        const found = waiting.get(command);
        // Only the agent that was asked answers.
        if (found?.instance === instanceKey(report.node, report.id)) found.settle({ ok, message, ...(body === undefined ? {} : { body }) });
        return;
      }
      const to = o.others().find((other) => other.replica === replica);
      if (to && !report.relayed) await o.ask(to, resultPath, { ...report, relayed: true }, 2_000, new AbortController().signal);
    },
  };
}

function late(key: string, { kind }: CommandOrder, limitMs: number): LegationError {
  return new LegationError(notInTime, `the agent of ${key} has not answered to ${kind} within ${limitMs / 1_000} s; it may still do it`);
}
