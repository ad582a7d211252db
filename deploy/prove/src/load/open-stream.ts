/** One gRPC stream with numbered messages, each of which gets an answer or the reason why none came. */
import { type ClientDuplexStream, type StatusObject, status as statusCode } from "@grpc/grpc-js";
import type { Outcome } from "@legation/local";
import type { Ask, Price } from "../prices.js";

/** How a stream ended. */
export interface StreamEnd {
  /** Status OK, after the caller had ended its side and every message had been answered. */
  readonly ok: boolean;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly endedAt: number;
}

/** An open stream. */
export interface OpenStream {
  /** Sends one message; resolves with its answer, or with how the stream ended without it. */
  send(): Promise<Outcome>;
  /** The caller's side sends no more. */
  end(): void;
  readonly sent: number;
  /** Never rejects. */
  readonly ended: Promise<StreamEnd>;
}

/** Makes a stream of a call. Without an answer for `timeoutMs` the whole call is cancelled. */
export function openStream(call: ClientDuplexStream<Ask, Price>, timeoutMs: number): OpenStream {
  const openedAt = Date.now();
  const waiting = new Map<number, (outcome: Outcome) => void>();
  let sent = 0;
  let halfClosed = false;
  let silence: string | undefined;
  let by: readonly string[] = [];
  const limit = () =>
    setTimeout(() => {
      silence = `no answer within ${timeoutMs / 1000} s`;
      call.cancel();
    }, timeoutMs);
  let timer = limit();

  call.on("data", ({ n, by: instance }: Price) => {
    by = [instance];
    clearTimeout(timer);
    timer = limit();
    waiting.get(n)?.({ ok: true, answeredBy: by });
    waiting.delete(n);
  });
  // The status says the same.
  call.on("error", () => undefined);
  const ended = new Promise<StreamEnd>((resolve) => {
    call.once("status", ({ code, details }: StatusObject) => {
      clearTimeout(timer);
      const early = halfClosed ? "" : ", before the caller had ended it";
      const reason =
        silence ?? (code === statusCode.OK ? `ended OK with ${waiting.size} unanswered${early}` : `${statusCode[code]}: ${details}`);
      resolve({ ok: code === statusCode.OK && waiting.size === 0 && halfClosed, reason, openedAt, endedAt: Date.now() });
      for (const answer of waiting.values()) answer({ ok: false, reason, answeredBy: by });
      waiting.clear();
    });
  });
  return {
    ended,
    get sent() {
      return sent;
    },
    send: () =>
      new Promise((resolve) => {
        waiting.set(sent, resolve);
        call.write({ n: sent++ });
      }),
    end() {
      halfClosed = true;
      call.end();
    },
  };
}
