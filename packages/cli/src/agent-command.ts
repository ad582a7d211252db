/** A command that asks one agent to do something, and shows each step of it while it is done. */
import {
  type ConfigValues,
  codeOf,
  LegationError,
  type Operand,
  type OptionTable,
  option,
  type Page,
} from "@legation/runtime/command-line";
import { createAgentApi } from "./agent-api.js";
import type { ApiSettings } from "./api.js";
import type { Io } from "./command.js";
import { type Created, createCommand, type Reply } from "./create-command.js";
import { type AgentSettings, agentSettings, findAgent } from "./find-agent.js";
import { apiOf, isRemote, type RemoteSettings, remoteSettings, type Target, targetNamed } from "./remote-order.js";
import type { Screen } from "./screen.js";

/** What the agent answers to each of these commands. */
export interface ActionAnswer {
  readonly state?: string;
  readonly message?: string;
  readonly already?: boolean;
  /** Of the service's health. */
  readonly level?: string;
  /** What each check found. */
  readonly results?: readonly {
    readonly check: string;
    readonly level: string;
    readonly outcome: string;
    readonly message: string;
    readonly responseTimeMs: number;
  }[];
  readonly steps?: readonly { readonly step: string; readonly outcome: string; readonly laggards?: readonly string[] }[];
}

/** What tells one command from another. */
export interface AgentAction<T extends OptionTable> {
  /** Behind the name; one ID unless given. */
  readonly operands?: readonly Operand[];
  readonly description: string;
  /** Its own settings, beside those of every such command. */
  readonly settings: T;
  /** `--timeout` unless given, milliseconds. */
  readonly timeout: number;
  readonly examples: Page["examples"];
  /** The request; throws LegationError "usage" when the words are none of this command's. */
  readonly request: (
    values: ConfigValues<T>,
    words: readonly string[],
  ) => { readonly path: string; readonly body: object; readonly id?: string | undefined };
  /** The answer in a sentence, or a table. */
  readonly say: (answer: ActionAnswer, screen: Screen) => string;
  /** The same by a control plane, for a service or an instance anywhere; absent where only the agent itself can be asked. */
  readonly remote?: (asked: RemoteAction<T>) => Promise<Reply>;
}

/** What a control plane is to be asked. */
export interface RemoteAction<T extends OptionTable> {
  readonly api: ApiSettings;
  readonly target: Target;
  readonly values: ConfigValues<T>;
  /** Milliseconds. */
  readonly timeout: number;
  readonly screen: Screen;
}

const shown = /^(leave|arrive)\.step$|^service\./;

/** The instance that is meant, where this machine has several. */
export const instanceOperand: Operand = { name: "ID", optional: true, values: "instance" };

/** Makes the command. */
export function agentCommand<T extends OptionTable>(action: AgentAction<T>): Created {
  const { operands = [instanceOperand], description, examples } = action;
  const options = {
    ...action.settings,
    timeout: option.duration({
      description: "How long the command waits; what was asked for goes on after it, and the exit code is 4",
      default: action.timeout,
      flag: "--timeout",
    }),
    ...agentSettings,
    ...(action.remote ? remoteSettings : {}),
  };
  return createCommand({
    operands,
    description,
    examples,
    options,
    async answer(values, words, { io, screen }) {
      const settings = values as unknown as AgentSettings & { readonly timeout: number };
      const { path, body, id } = action.request(values as unknown as ConfigValues<T>, words);
      const remotely = await remoteReply(action, values as unknown as ConfigValues<T>, { id, screen, env: io.env });
      if (remotely) return remotely;
      const api = createAgentApi(findAgent(settings, id, io.env));
      const stop = settings.json
        ? async () => {}
        : await api.follow(({ event, message, level }) => {
            if (shown.test(event)) io.stderr.write(`${level === "info" ? "" : `${level}: `}${message}\n`);
          }, settings.timeout);
      // Every step is told before the answer.
      const answer = await api.ask<ActionAnswer>("POST", path, { limitMs: settings.timeout, body }).finally(stop);
      return { json: answer, text: `${action.say(answer, screen)}\n` };
    },
  });
}

/** By a control plane where one is named, or where no agent of this machine has that name; undefined where the agent is to be asked. */
async function remoteReply<T extends OptionTable>(
  { remote }: AgentAction<T>,
  values: ConfigValues<T>,
  { id, screen, env }: { readonly id: string | undefined; readonly screen: Screen; readonly env: Io["env"] },
): Promise<Reply | undefined> {
  const settings = values as unknown as AgentSettings & RemoteSettings & { readonly timeout: number };
  if (!remote || id === undefined) return undefined;
  if (!isRemote(settings, id)) {
    if (settings.admin !== undefined || settings.stateDir !== undefined) return undefined;
    try {
      findAgent(settings, id, env);
      return undefined;
    } catch (error) {
      if (codeOf(error) !== "usage") throw error;
    }
  }
  const api = apiOf(settings);
  return remote({ api, target: await targetNamed(api, id), values, timeout: settings.timeout, screen });
}

/** What a drain did, in a sentence. */
export function drainedText({ already, steps = [], message }: ActionAnswer): string {
  if (message !== undefined) return message;
  const laggards = steps.flatMap((step) => step.laggards ?? []);
  const late = laggards.length > 0 ? `, without the acknowledgement of ${laggards.join(", ")}` : "";
  return already ? "it had been drained before" : `drained${late}`;
}

/** What the callers' proxies said of an instance that was put back, in a sentence; the agent's words alone while it does not serve. */
export function inServiceText({ state, message }: ActionAnswer): string {
  if (message === undefined) return "in service";
  return state === "running" ? `in service; ${message}` : message;
}

/** Throws for a word that a command does not know, or that is missing; `lines` are the command lines to write. */
export function wrongWord(word: string | undefined, what: string, lines: string): never {
  throw new LegationError(
    "usage",
    `${word === undefined ? `${what} is missing` : `${JSON.stringify(word)} is not ${what}`}. Write: ${lines}`,
  );
}
