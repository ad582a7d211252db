/** The agent's channel to a control plane: reports up, commands down, and "I am leaving", "I am here". */
import {
  type AgentReport,
  arrivingPath,
  type Command,
  commandsPath,
  type IdentityMode,
  type IdentityOrder,
  identityModes,
  leavingPath,
  type ReportAnswer,
  type RoutingNotice,
  type RoutingReply,
  reportInterval,
  reportPath,
} from "@legation/contract";
import type { Backoff, Clock, Logger } from "@legation/runtime";
import { createAlarm } from "../registrar/alarm.js";
import type { Contacts } from "./contacts.js";
import { openEventStream } from "./event-stream.js";
import type { Obey } from "./obey.js";
import { tellRouting } from "./routing.js";

/** Options of `createChannel`. */
export interface ChannelOptions {
  /** The control planes' HTTP addresses, tried in order; the one that answers is kept until it does not. */
  readonly apis: readonly string[];
  readonly contacts: Contacts;
  readonly identity: Pick<RoutingNotice, "node" | "id" | "service">;
  readonly report: () => AgentReport;
  /** A control plane has taken this report, and answered so. */
  readonly onReported: (report: AgentReport, answer: ReportAnswer) => void;
  readonly onCommand: Obey;
  /** Which mode holds: when the stream opens, and at every change. */
  readonly onMode: (mode: IdentityMode) => void;
  readonly clock: Clock;
  readonly reportBackoff: Backoff;
  readonly commandBackoff: Backoff;
  readonly log: Logger;
}

/** What the channel knows. */
export interface ChannelState {
  /** The control plane that took the last report; undefined when none does. */
  readonly connected?: string;
  readonly problem?: string;
  /** True while commands can come in. */
  readonly listening: boolean;
}

/** See the file's sentence. A control plane that is down stops nothing. */
export interface Channel {
  readonly state: ChannelState;
  begin(): void;
  /** Something has changed: report it now. */
  changed(): void;
  /**
   * Says that the instance leaves, is still out, or serves, or asks whether callers use mutual TLS; resolves when the callers' proxies have
   * acknowledged that, or to those that had not within `limitMs`. Rejects when no control plane answers.
   */
  route(direction: "leaving" | "out" | "arriving" | "tls", limitMs: number, signal: AbortSignal): Promise<RoutingReply>;
  /** Sends a last report and closes. */
  stop(): Promise<void>;
}

const requestMs = 5_000;
const lastReportMs = 500;
const idleMs = 60_000;

/** Creates the channel; nothing is sent before `begin`. */
export function createChannel(options: ChannelOptions): Channel {
  const { apis, contacts, clock, log } = options;
  const alarm = createAlarm(clock);
  const stopping = new AbortController();
  const ended = (): boolean => stopping.signal.aborted;
  let state: ChannelState = { listening: false };
  let current = 0;
  /** The last report went by TLS. */
  let secure = false;
  let stream: { close(): void } | undefined;
  let streams = 0;

  const base = (offset: number): string => (apis[(current + offset) % apis.length] ?? "").replace(/\/$/, "");

  const post = async (path: string, body: unknown, timeoutMs: number): Promise<ReportAnswer> => {
    const problems: string[] = [];
    for (let offset = 0; offset < apis.length; offset++) {
      const api = base(offset);
      try {
        const { status, body: text } = await contacts.ask(api, path, { method: "POST", body, timeoutMs });
        if (status < 200 || status > 299) throw new Error(`answered ${status}: ${text.slice(0, 200)}`);
        current = (current + offset) % apis.length;
        const tls = (await contacts.at(api)).tls !== undefined;
        if (state.connected !== api || tls !== secure)
          log.info({ event: "channel.connected", api, tls }, `reporting to the control plane at ${api}${tls ? " by mutual TLS" : ""}`);
        secure = tls;
        state = { listening: state.listening, connected: api };
        return JSON.parse(text) as ReportAnswer;
      } catch (error) {
        problems.push(`${api} ${(error as Error).message}`);
      }
    }
    const problem = problems.join("; ");
    if (state.problem === undefined) log.warn({ event: "channel.lost", problem }, `no control plane takes the report: ${problem}`);
    state = { listening: state.listening, problem };
    throw new Error(problem);
  };

  const report = async (timeoutMs: number): Promise<void> => {
    const told = options.report();
    options.onReported(told, await post(reportPath, told, timeoutMs));
  };

  const reportLoop = async (): Promise<void> => {
    while (!ended()) {
      let wait = reportInterval;
      await contacts.learn();
      try {
        await report(requestMs);
        options.reportBackoff.reset();
      } catch {
        wait = options.reportBackoff.next();
      }
      if (!ended()) await alarm.sleep(wait);
    }
  };

  const commandLoop = async (): Promise<void> => {
    const { node, id, service } = options.identity;
    for (let offset = 0; !ended(); offset++) {
      await contacts.learn();
      const api = base(offset);
      const { url, ...secure } = await contacts.at(api);
      const opened = openEventStream(
        { url: `${url}${commandsPath}?${new URLSearchParams({ node, id, service })}`, ...secure },
        {
          idleMs,
          onOpen: () => {
            state = { ...state, listening: true };
            current = (current + offset) % apis.length;
            offset = 0;
            options.commandBackoff.reset();
            // A control plane that has just started knows nothing of this instance.
            if (streams++ > 0) alarm.ring();
          },
          onData: (data) => take(data, api),
        },
      );
      stream = opened;
      const why = await opened.ended;
      state = { ...state, listening: false };
      if (ended()) return;
      log.debug({ event: "channel.commands-lost", why }, `the stream of commands ended: ${why}`);
      await clock.sleep(options.commandBackoff.next(), stopping.signal).catch(() => undefined);
    }
  };

  const take = (data: string, api: string): void => {
    try {
      const command = JSON.parse(data) as Command | IdentityOrder;
      if (command.kind === "identity") {
        const mode = identityModes.find((known) => known === command.mode);
        if (!mode) throw new Error(`there is no mode ${JSON.stringify(command.mode)}; this agent knows ${identityModes.join(", ")}`);
        options.onMode(mode);
        return;
      }
      log.info({ event: "channel.command", command }, `command ${command.kind} from the control plane`);
      void options.onCommand(command, api);
    } catch (error) {
      log.warn(
        { event: "channel.command-refused", problem: (error as Error).message },
        `a command was not understood: ${data.slice(0, 200)}`,
      );
    }
  };

  return {
    get state() {
      return state;
    },
    begin() {
      void reportLoop();
      void commandLoop();
    },
    changed: () => alarm.ring(),
    route: (direction, limitMs, signal) =>
      tellRouting({
        apis: apis.map((_, offset) => base(offset)),
        contacts,
        path: direction === "arriving" || direction === "tls" ? arrivingPath : leavingPath,
        notice: { ...options.identity, ...(direction === "out" ? { again: true } : {}), ...(direction === "tls" ? { tls: true } : {}) },
        limitMs,
        clock,
        signal,
      }),
    async stop() {
      stopping.abort();
      stream?.close();
      alarm.ring();
      if (state.connected !== undefined) await report(lastReportMs).catch(() => undefined);
    },
  };
}
