/** A container engine's HTTP API on its Unix socket: the list of containers, one container, and the stream of events. */
import { type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { LegationError, messageOf } from "@legation/runtime";
import { connectProblem } from "../http-exchange.js";
import { type Container, type ContainerEvent, containerOf, eventOf } from "./container.js";

/** Each method rejects with an Error that says why there is no answer. */
export interface Engine {
  /** The ids of the running (and paused) containers that have `label`. */
  list(label: string): Promise<readonly string[]>;
  /** One container; undefined when there is none. */
  inspect(id: string): Promise<Container | undefined>;
  /**
   * Follows what happens to containers with `label` from now on. Resolves once the engine listens; `onEvent` comes for each event, `onEnd`
   * once, when the stream has ended by itself.
   */
  follow(label: string, onEvent: (event: ContainerEvent) => void, onEnd: (problem: string) => void): Promise<{ close(): void }>;
}

const answerMs = 10_000;
const mostBytes = 16 * 1024 * 1024;

/** The path of `unix:///var/run/docker.sock`. Throws LegationError "config" for anything else. */
export function socketPathOf(address: string): string {
  const path = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (path === undefined)
    throw new LegationError("config", `--containers: ${JSON.stringify(address)} is not a Unix socket. Write unix:///var/run/docker.sock.`);
  return path;
}

/** Creates a client of the engine behind a socket. It speaks the newest version of the API that the engine says it has. */
export function createEngine(socketPath: string): Engine {
  const ask = (path: string): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const late = setTimeout(() => asked.destroy(new Error(`did not answer ${path} within ${answerMs} ms`)), answerMs);
      const asked = request({ socketPath, path, headers: { host: "localhost" } }, (response) => {
        clearTimeout(late);
        resolve(response);
      });
      asked.once("error", (error: NodeJS.ErrnoException) => {
        clearTimeout(late);
        reject(new Error(`the engine at ${socketPath} ${problemOf(error)}`, { cause: error }));
      });
      asked.end();
    });

  const version = async (): Promise<string> => {
    const response = await ask("/_ping");
    response.resume();
    const announced = response.headers["api-version"];
    return typeof announced === "string" && announced !== "" ? `/v${announced}` : "";
  };

  const read = async (path: string): Promise<unknown> => {
    const response = await ask(`${await version()}${path}`);
    const text = await bodyOf(response);
    if (response.statusCode === 404) return undefined;
    if (response.statusCode !== 200) throw new Error(`the engine at ${socketPath} answered ${path} with ${response.statusCode}`);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`the engine at ${socketPath} answered ${path} with something that is no JSON`, { cause: error });
    }
  };

  return {
    async list(label) {
      const all = await read(`/containers/json?filters=${encodeURIComponent(JSON.stringify({ label: [label] }))}`);
      return (Array.isArray(all) ? all : []).flatMap((entry: { Id?: unknown }) => (typeof entry.Id === "string" ? [entry.Id] : []));
    },
    async inspect(id) {
      return containerOf(await read(`/containers/${encodeURIComponent(id)}/json`));
    },
    async follow(label, onEvent, onEnd) {
      const filters = encodeURIComponent(JSON.stringify({ type: ["container"], label: [label] }));
      const response = await ask(`${await version()}/events?filters=${filters}`);
      if (response.statusCode !== 200) {
        response.destroy();
        throw new Error(`the engine at ${socketPath} answered /events with ${response.statusCode}`);
      }
      let closed = false;
      const end = (problem: string): void => {
        if (!closed) onEnd(problem);
        closed = true;
      };
      response.once("error", (error) => end(`the engine's events broke off: ${messageOf(error)}`));
      response.once("close", () => end("the engine ended its events"));
      const lines = createInterface({ input: response });
      lines.on("error", () => {});
      lines.on("line", (line) => {
        const event = eventOf(line);
        if (event && !closed) onEvent(event);
      });
      return {
        close() {
          closed = true;
          response.destroy();
        },
      };
    },
  };
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const late = setTimeout(() => response.destroy(new Error(`the engine did not end its answer within ${answerMs} ms`)), answerMs);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > mostBytes) throw new Error(`the engine's answer is longer than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
  } finally {
    clearTimeout(late);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function problemOf(error: NodeJS.ErrnoException): string {
  if (error.code === "ENOENT") return "is not there: no such socket";
  if (error.code === "EACCES") return "does not let this user in: add the user to the socket's group";
  return connectProblem(error);
}
