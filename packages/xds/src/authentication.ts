/** Holding a call's messages back until its peer is known to be who it says. */
import { type Call, type Peer, Status, type Wire } from "./transport.js";

/** Returns (or resolves to) an identity of the caller's own kind; throwing refuses the peer with the error's message. */
export type Authenticate = (peer: Peer) => unknown;

/** Wraps a call: messages reach it once the peer is authenticated; a refused peer is ended with UNAUTHENTICATED. */
export function authenticated(call: Call, wire: Wire, authenticate: Authenticate, onIdentity: (identity: unknown) => void): Call {
  let waiting: Buffer[] | undefined = [];
  let closing = false;
  const admit = (identity: unknown) => {
    onIdentity(identity);
    const messages = waiting ?? [];
    waiting = undefined;
    try {
      for (const message of messages) call.message(message);
      if (closing) call.halfClose();
    } catch (error) {
      wire.end(Status.INTERNAL, `the request cannot be read: ${messageOf(error)}`);
    }
  };
  new Promise((resolve) => resolve(authenticate(wire.peer))).then(admit, (error: unknown) => {
    wire.end(Status.UNAUTHENTICATED, messageOf(error));
    call.closed();
  });
  return {
    message(bytes) {
      if (waiting) waiting.push(Buffer.from(bytes));
      else call.message(bytes);
    },
    halfClose() {
      closing = true;
      if (!waiting) call.halfClose();
    },
    closed: () => call.closed(),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
