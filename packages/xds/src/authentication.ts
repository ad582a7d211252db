/** Holding a call's messages back until its peer is known to be who it says. */
import type { Clock } from "@legation/runtime";
import type { Limits } from "./limits.js";
import { type Call, type Peer, Status, type Wire } from "./transport.js";

/** Returns (or resolves to) an identity of the caller's own kind; throwing refuses the peer with the error's message. */
export type Authenticate = (peer: Peer) => unknown;

/** What is done with a call while and after its peer is authenticated. */
export interface Admission {
  readonly authenticate: Authenticate;
  readonly limits: Limits;
  readonly clock: Clock;
  /** The peer is who it says; called before its messages reach the call. */
  admitted(identity: unknown): void;
  /** Ends the call with a gRPC status. */
  refuse(status: number, message: string): void;
}

/** Messages that wait for the peer's authentication, at most: more than one per type that any client asks for. */
const waitingMessages = 64;

/**
 * Wraps a call: messages reach it once the peer is authenticated. A refused peer is ended with UNAUTHENTICATED, one of which it takes
 * too long to know with DEADLINE_EXCEEDED, and one that sends too much meanwhile with RESOURCE_EXHAUSTED.
 */
export function authenticated(call: Call, wire: Wire, { authenticate, limits, clock, admitted, refuse }: Admission): Call {
  let waiting: Buffer[] = [];
  let bytesWaiting = 0;
  let state: "waiting" | "admitted" | "over" = "waiting";
  let closing = false;
  const finish = () => {
    state = "over";
    waiting = [];
    deadline.cancel();
  };
  const end = (status: number, message: string) => {
    if (state === "over") return;
    finish();
    refuse(status, message);
  };
  const deadline = clock.timeout(limits.authenticationMs, () =>
    end(Status.DEADLINE_EXCEEDED, `it is not known after ${limits.authenticationMs} ms who calls`),
  );
  const admit = (identity: unknown) => {
    if (state === "over") return;
    deadline.cancel();
    const messages = waiting;
    waiting = [];
    state = "admitted";
    try {
      admitted(identity);
      for (const message of messages) call.message(message);
      if (closing) call.halfClose();
    } catch (error) {
      end(Status.INTERNAL, `the request cannot be read: ${messageOf(error)}`);
    }
  };
  new Promise((resolve) => resolve(authenticate(wire.peer))).then(admit, (error: unknown) => end(Status.UNAUTHENTICATED, messageOf(error)));
  return {
    message(bytes) {
      if (state === "admitted") return call.message(bytes);
      if (state === "over") return;
      bytesWaiting += bytes.length;
      if (waiting.length === waitingMessages || bytesWaiting > limits.messageBytes)
        return end(Status.RESOURCE_EXHAUSTED, "too much was sent before it was known who calls");
      waiting.push(Buffer.from(bytes));
    },
    halfClose() {
      closing = true;
      if (state === "admitted") call.halfClose();
    },
    closed() {
      finish();
      call.closed();
    },
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
