/** The HTTP API of an agent, as the commands ask it: over TCP or a Unix socket. */
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { socketPath } from "@legation/agent/contact";
import { codeOf, LegationError, messageOf } from "@legation/runtime/command-line";
import type { FoundAgent } from "./find-agent.js";
import { prepareWidths } from "./text-width.js";

/** An event of the agent, as far as it is shown. */
export interface ShownEvent {
  readonly sequence: number;
  readonly level: string;
  readonly event: string;
  readonly message: string;
}

/** The API of one agent. */
export interface AgentApi {
  /**
   * Asks below `/v1`. Throws LegationError: "agent.unreachable" when the agent does not take the request, "agent.pending" after `limitMs`, and
   * "agent.refused" with what it said when it does not do it.
   */
  ask<T>(method: "GET" | "POST", path: string, options: { limitMs: number; body?: object }): Promise<T>;
  /**
   * Calls back with each event from now on until the returned function is called, which resolves after the last one. Resolves when it
   * listens, or cannot within `limitMs` or 5 s.
   */
  follow(onEvent: (event: ShownEvent) => void, limitMs: number): Promise<() => Promise<void>>;
}

const followLimitMs = 5_000;

/** Makes it; nothing is sent yet. Throws a LegationError with code "usage" for what is no address. */
export function createAgentApi({ address, token }: FoundAgent): AgentApi {
  const path = socketPath(address);
  const place = path === undefined ? urlOf(address) : undefined;
  const prefix = place ? place.pathname.replace(/\/$/, "") : address.slice(`unix:${path}`.length).replace(/^:/, "");
  const where = place ? { host: place.hostname.replace(/^\[(.*)\]$/, "$1"), port: place.port } : { socketPath: path };

  const open = (method: string, below: string, headers: Record<string, string>, signal: AbortSignal): ClientRequest =>
    request({
      ...where,
      method,
      path: `${prefix}/v1${below}`,
      headers: { ...headers, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
      signal,
      agent: false,
    });

  const send = async (
    method: string,
    below: string,
    body: object | undefined,
    signal: AbortSignal,
    onTaken: () => void = () => {},
  ): Promise<{ status: number; text: string }> => {
    // The body goes only to an agent that has said that it takes the request: a frozen one accepts connections too.
    const asked = open(method, below, body ? { "content-type": "application/json", expect: "100-continue" } : {}, signal);
    const answer = new Promise<IncomingMessage>((resolve, reject) => asked.once("response", resolve).once("error", reject));
    if (body) {
      asked.once("continue", () => {
        onTaken();
        asked.end(JSON.stringify(body));
      });
      asked.flushHeaders();
    } else asked.end();
    const response = await answer;
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += chunk;
    return { status: response.statusCode ?? 0, text };
  };

  return {
    async ask<T>(method: "GET" | "POST", below: string, { limitMs, body }: { limitMs: number; body?: object }) {
      const limit = AbortSignal.timeout(limitMs);
      let taken = false;
      try {
        const { status, text } = await send(method, below, body, limit, () => {
          taken = true;
        });
        await prepareWidths(text);
        return read<T>(status, text, address);
      } catch (error) {
        if (error instanceof LegationError) throw error;
        if (limit.aborted && !taken) throw untaken(address, limitMs, error);
        if (limit.aborted)
          throw new LegationError("agent.pending", `it is under way, and was not over within ${limitMs / 1_000} s`, { cause: error });
        throw unreachable(address, error);
      }
    },
    async follow(onEvent, limitMs) {
      const stopping = new AbortController();
      let last = 0;
      const take = (event: ShownEvent): void => {
        if (event.sequence <= last) return;
        last = event.sequence;
        onEvent(event);
      };
      const recent = async (): Promise<readonly ShownEvent[]> => {
        const { text } = await send("GET", `/events?after=${last}`, undefined, AbortSignal.timeout(Math.min(followLimitMs, limitMs)));
        return (JSON.parse(text) as { events?: readonly ShownEvent[] }).events ?? [];
      };
      try {
        last = (await recent()).at(-1)?.sequence ?? 0;
        const asked = open("GET", `/events?after=${last}`, { accept: "text/event-stream" }, stopping.signal);
        const answer = new Promise<IncomingMessage>((resolve, reject) => asked.once("response", resolve).once("error", reject));
        asked.end();
        const stream = (await answer).setEncoding("utf8");
        asked.on("error", () => {});
        stream.on("error", () => {});
        let rest = "";
        stream.on("data", (chunk: string) => {
          const lines = (rest + chunk).split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) if (line.startsWith("data: ")) take(JSON.parse(line.slice(6)) as ShownEvent);
        });
      } catch {
        // Without progress; the question itself says what is wrong.
      }
      return async () => {
        stopping.abort();
        // The last ones may still be on their way.
        for (const event of await recent().catch(() => [])) take(event);
      };
    },
  };
}

function urlOf(address: string): URL {
  if (!URL.canParse(`http://${address}`))
    throw new LegationError("usage", `--admin: ${JSON.stringify(address)} is not an address. Write host:port or unix:/path`);
  return new URL(`http://${address}`);
}

function untaken(address: string, limitMs: number, cause: unknown): LegationError {
  const text = `the agent at ${address} did not take the request within ${limitMs / 1_000} s, and nothing is under way. Is it frozen? See its log`;
  return new LegationError("agent.unreachable", text, { cause });
}

function unreachable(address: string, error: unknown): LegationError {
  const denied = codeOf(error) === "EACCES" || codeOf(error) === "EPERM";
  const fix = denied ? "Run this as the agent's user" : "Does the agent run? See its log, or name another one with --state-dir or --admin";
  return new LegationError("agent.unreachable", `the agent at ${address} does not answer (${codeOf(error) ?? messageOf(error)}). ${fix}`, {
    cause: error,
  });
}

function read<T>(status: number, text: string, address: string): T {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new LegationError("agent.bad-answer", `${address} answered ${status} without JSON. Is that an agent's API?`, { cause: error });
  }
  if (status >= 200 && status <= 299) return body as T;
  const said = typeof body === "object" && body !== null && "message" in body ? String(body.message) : text.slice(0, 200);
  throw new LegationError("agent.refused", said);
}
