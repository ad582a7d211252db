/** Whether an instance's inbound address takes plain text: tried by the first bytes of HTTP/2, which Envoy answers itself. */
import { connect } from "node:net";
import type { Clock } from "@legation/runtime";
import { connectProblem } from "../http-exchange.js";

/** What is tried, and with what. */
export interface PlaintextOptions {
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Until the first byte of the answer, milliseconds. */
const limitMs = 3_000;

/** The connection preface of RFC 9113, section 3.4, with empty SETTINGS. A server of HTTP/1 alone answers it with an error, which will do as well. */
const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])]);

/** Resolves to undefined when the preface was answered, else to what happened instead. Rejects with the signal's reason. */
export async function tryPlaintext({ host, port, clock, signal }: PlaintextOptions): Promise<string | undefined> {
  signal.throwIfAborted();
  return await new Promise<string | undefined>((resolve, reject) => {
    const socket = connect({ host, port }, () => void socket.write(preface));
    const limit = clock.timeout(limitMs, () => settle(() => resolve(`no answer within ${limitMs} ms`)));
    const onAbort = (): void => settle(() => reject(signal.reason as Error));
    const settle = (done: () => void): void => {
      limit.cancel();
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      done();
    };
    signal.addEventListener("abort", onAbort, { once: true });
    socket.once("data", () => settle(() => resolve(undefined)));
    socket.on("error", (error: NodeJS.ErrnoException) => settle(() => resolve(connectProblem(error))));
    socket.once("close", () => settle(() => resolve("closed the connection without an answer")));
  });
}
