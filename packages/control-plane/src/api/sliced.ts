/** Answers with thousands of entries, written piece by piece, so that a reader of all of them does not hold up the proxies. */
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { FastifyReply } from "fastify";

/** Writing goes on for this long before other work has its turn; milliseconds. */
const slice = 10;

/**
 * Answers with a JSON document that is given in pieces; a piece is made when it is its turn, and not before the client has read what came
 * earlier: each is as things stand then.
 */
export function sendSliced(reply: FastifyReply, pieces: Iterable<string>): FastifyReply {
  return reply.type("application/json; charset=utf-8").send(Readable.from(chunks(pieces)));
}

async function* chunks(pieces: Iterable<string>): AsyncGenerator<string> {
  let chunk = "";
  let end = performance.now() + slice;
  for (const piece of pieces) {
    chunk += piece;
    if (performance.now() < end) continue;
    yield chunk;
    chunk = "";
    await setImmediate();
    end = performance.now() + slice;
  }
  yield chunk;
}

/** The pieces of a document whose entries stand between `open` and `close`, with commas between them. */
export function* enclosed<T>(open: string, entries: Iterable<T>, text: (entry: T) => string, close: string): Generator<string> {
  let before = open;
  for (const entry of entries) {
    yield before + text(entry);
    before = ",";
  }
  yield (before === open ? open : "") + close;
}
