/** Reads server-sent events (the HTML standard, section 9.2) from a connection. */
import { type ClientRequest, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { connectProblem } from "../http-exchange.js";
import type { Contact } from "./contacts.js";

/** An open stream. */
export interface EventStream {
  /** Resolves to why it ended. Never rejects. */
  readonly ended: Promise<string>;
  close(): void;
}

/** Splits text into the data of events; keeps what is not complete yet, and returns how many characters that is. */
export function createEventParser(onData: (data: string) => void): (text: string) => number {
  let rest = "";
  let data: string[] = [];
  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) onData(data.join("\n"));
        data = [];
      } else if (line.startsWith("data:")) data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
    }
    return rest.length + data.reduce((sum, line) => sum + line.length + 1, 0);
  };
}

const longestEvent = 256 * 1024;

/** Opens a stream; one that sends an endless event is given up. `onOpen` is called with its first bytes; a stream that is silent for `idleMs` is given up. */
export function openEventStream(
  { url, tls, headers }: Contact,
  options: { idleMs: number; onOpen: () => void; onData: (data: string) => void },
): EventStream {
  let request: ClientRequest;
  const ended = new Promise<string>((resolve) => {
    const ask = url.startsWith("https:") ? requestHttps : requestHttp;
    request = ask(
      url,
      { ...tls, headers: { ...headers, accept: "text/event-stream" }, agent: false, timeout: options.idleMs },
      (response) => {
        if (response.statusCode !== 200) {
          response.resume();
          resolve(`answered ${response.statusCode}`);
          return;
        }
        options.onOpen();
        response.setEncoding("utf8");
        const parse = createEventParser(options.onData);
        response.on("data", (text: string) => {
          if (parse(text) > longestEvent) request.destroy(new Error("sent an event that does not end"));
        });
        response.once("error", (error) => resolve(connectProblem(error)));
        response.once("close", () => resolve("ended the stream"));
      },
    );
    request.once("timeout", () => request.destroy(new Error(`was silent for ${options.idleMs} ms`)));
    request.once("error", (error) => resolve(connectProblem(error)));
    request.end();
  });
  return { ended, close: () => request.destroy() };
}
