/** A look over HTTP or HTTPS: judged by status, body and the service's own health document. */
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request as requestHttp } from "node:http";
import { request as requestHttps, Agent as TlsAgent } from "node:https";
import { complaintOf, outcomeOf, parseDocument } from "./document.js";
import { found, type Look, type Probe, type ProbeResult } from "./probe.js";
import { type TlsOptions, tlsProblem, tlsSettings } from "./tls.js";

/** What to ask, and what answer passes. */
export interface HttpTarget {
  readonly host: string;
  readonly port: number;
  /** With the query, if there is one. */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Ranges of status codes, both ends included. */
  readonly status: readonly (readonly [from: number, to: number])[];
  /** The body's first 64 KiB must contain it. */
  readonly body?: string;
  /** The body's first 64 KiB must match it. */
  readonly matches?: RegExp;
  /** Over TLS when it is there. */
  readonly tls?: TlsOptions;
}

/** More of a body is not read: the connection is given up, and the answer judged by what there is. */
const bodyLimit = 64 * 1024;

/** Creates the probe; its connection is kept from one look to the next. Throws when the CA file cannot be read. */
export function createHttpProbe(what: HttpTarget): Probe {
  const { host, port, path, method, tls } = what;
  const target = `${method} ${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
  const kept = { keepAlive: true, maxSockets: 1 };
  const agent = tls ? new TlsAgent({ ...kept, ...tlsSettings(tls) }) : new Agent(kept);
  const options: RequestOptions = { host, port, path, method, agent, headers: { "user-agent": "legation-agent", ...what.headers } };
  const ask = tls ? requestHttps : requestHttp;
  const passes = found(target, "pass", "passes");
  const judged = (status: number, body: string): ProbeResult => {
    const document = parseDocument(body);
    const result = verdict(what, target, passes, status, body, document);
    return document ? { ...result, document } : result;
  };

  const attempt = (again: boolean, hold: (request: ClientRequest) => void): Promise<ProbeResult> =>
    new Promise((resolve) => {
      const fail = (cause: string, output?: string): void => resolve(found(target, "fail", cause, output));
      let answered = false;
      const request = ask(options, (response) => {
        answered = true;
        const status = response.statusCode ?? 0;
        collect(response, (body, whole) => {
          if (!whole) request.destroy();
          resolve(judged(status, body));
        }).catch(() => {
          if (isAmong(status, what.status)) fail("closed the connection in the middle of its answer");
          else fail(`answered ${status}`);
        });
      });
      hold(request);
      request.once("error", (error: NodeJS.ErrnoException) => {
        // A kept connection that the other side had just closed says nothing about its health.
        if (again && request.reusedSocket && error.code === "ECONNRESET") resolve(attempt(false, hold));
        else if (error.code?.startsWith("HPE_")) fail("answered something that is not HTTP");
        else fail(tlsProblem(error));
      });
      request.once("upgrade", (_response, socket) => {
        socket.destroy();
        fail("answered with an upgrade");
      });
      request.once("close", () => {
        if (!answered) fail("closed the connection");
      });
      request.end();
    });

  return {
    kind: "http",
    target,
    look(): Look {
      let current: ClientRequest | undefined;
      let given = false;
      const result = attempt(true, (request) => {
        current = request;
        if (given) request.destroy();
      });
      return {
        result,
        cancel() {
          given = true;
          current?.destroy();
        },
      };
    },
    close: () => agent.destroy(),
  };
}

function verdict(
  what: HttpTarget,
  target: string,
  passes: ProbeResult,
  status: number,
  body: string,
  document: ReturnType<typeof parseDocument>,
): ProbeResult {
  const said = document && outcomeOf(document);
  const expected = isAmong(status, what.status);
  const output = document ? undefined : body;
  if (!expected && !(said === "warn" && status === 503))
    return found(target, "fail", `answered ${status}${document && said !== "pass" ? ` and ${complaintOf(document)}` : ""}`, output);
  if (what.body !== undefined && !body.includes(what.body))
    return found(target, "fail", `answered ${status} without ${JSON.stringify(what.body)} in its body`, output);
  if (what.matches && !what.matches.test(body))
    return found(target, "fail", `answered ${status} with a body that does not match ${what.matches}`, output);
  return document && said && said !== "pass" ? found(target, said, complaintOf(document)) : passes;
}

/** Reads a body up to the limit, then calls `done`; `whole` is false when there was more. Rejects when it breaks off. */
function collect(response: IncomingMessage, done: (body: string, whole: boolean) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let over = false;
    const finish = (whole: boolean): void => {
      if (over) return;
      over = true;
      done(Buffer.concat(chunks).subarray(0, bodyLimit).toString("utf8"), whole);
      resolve();
    };
    response.on("data", (chunk: Buffer) => {
      if (over) return;
      chunks.push(chunk);
      size += chunk.length;
      if (size > bodyLimit) finish(false);
    });
    response.once("end", () => finish(true));
    response.on("error", reject);
    response.once("close", () => reject(new Error("broken off")));
  });
}

function isAmong(status: number, ranges: HttpTarget["status"]): boolean {
  return ranges.some(([from, to]) => status >= from && status <= to);
}
