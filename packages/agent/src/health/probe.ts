/** A single look at the application: over HTTP or TCP. */
import { Agent } from "node:http";
import { connect } from "node:net";
import { connectProblem, exchange } from "../http-exchange.js";

/** What one look found. `message` is stable text: equal for equal causes. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly message: string;
}

/** One kind of check of one address. */
export interface Probe {
  /** "http" or "tcp"; part of the check's id in Consul. */
  readonly kind: string;
  /** What is looked at, for people: "GET http://127.0.0.1:8080/health". */
  readonly target: string;
  /** Looks once, for at most `timeoutMs`. Never rejects. */
  run(timeoutMs: number): Promise<ProbeResult>;
  /** Closes kept connections. */
  close(): void;
}

/** Passes when a GET of `path` is answered with 2xx. Keeps its connection alive between looks. */
export function createHttpProbe(host: string, port: number, path: string): Probe {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}${path}`;
  const target = `GET ${url}`;
  return {
    kind: "http",
    target,
    async run(timeoutMs) {
      try {
        const { status } = await exchange(url, { timeoutMs, agent, headers: { "user-agent": "legation-agent" }, maxBytes: 64 * 1024 });
        return status >= 200 && status < 300
          ? { ok: true, message: `${target} passes` }
          : { ok: false, message: `${target} answered ${status}` };
      } catch (error) {
        return { ok: false, message: `${target} ${(error as Error).message}` };
      }
    },
    close: () => agent.destroy(),
  };
}

/** Passes when a connection is accepted; it is closed at once. */
export function createTcpProbe(host: string, port: number): Probe {
  const target = `TCP ${host}:${port}`;
  return {
    kind: "tcp",
    target,
    run: (timeoutMs) =>
      new Promise((resolve) => {
        const socket = connect({ host, port });
        const done = (ok: boolean, message: string): void => {
          socket.destroy();
          resolve({ ok, message: `${target} ${message}` });
        };
        socket.setTimeout(timeoutMs, () => done(false, `did not answer within ${timeoutMs} ms`));
        socket.once("connect", () => done(true, "passes"));
        socket.once("error", (error) => done(false, connectProblem(error)));
      }),
    close() {},
  };
}
