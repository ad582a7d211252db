/** Messages over gRPC streams of a bounded length: when one has carried its messages, the caller ends it and opens another. */
import type { Sender } from "@legation/local";
import { PricesClient } from "../prices.js";
import { type OpenStream, openStream, type StreamEnd } from "./open-stream.js";

/** Where the streams go. */
export interface StreamTarget {
  /** `host:port` of an Envoy's outbound listener. */
  readonly address: string;
  readonly authority: string;
  /** Streams open at once, between which the messages alternate. */
  readonly streams: number;
  /** Messages after which the caller ends a stream. */
  readonly messages: number;
  /** Milliseconds without any answer after which a stream is given up; 15 s by default. */
  readonly timeoutMs?: number;
}

/** What became of the streams, beside what became of their messages. */
export interface StreamCounts {
  readonly opened: number;
  readonly ok: number;
  /** The first thousand that ended otherwise. */
  readonly broken: readonly StreamEnd[];
}

/** A sender of messages. */
export interface StreamSender extends Sender {
  counts(): StreamCounts;
  /** Ends all streams and resolves when each has its status. To be called once nothing is sent any more. */
  finish(): Promise<StreamCounts>;
}

const keptEnds = 1_000;

/** A message is a success when its answer has come; it fails with the end of its stream. A stream that ended is no longer used. */
export function streamSender({ address, authority, streams, messages, timeoutMs = 15_000 }: StreamTarget): StreamSender {
  const client = new PricesClient(address, { "grpc.default_authority": authority });
  const slots: (OpenStream | undefined)[] = Array.from({ length: streams }, () => undefined);
  const open = new Set<OpenStream>();
  const broken: StreamEnd[] = [];
  let [opened, ok, turn] = [0, 0, 0];

  function start(slot: number): OpenStream {
    const stream = openStream(client.watch(), timeoutMs);
    opened++;
    open.add(stream);
    void stream.ended.then((end) => {
      open.delete(stream);
      if (slots[slot] === stream) slots[slot] = undefined;
      if (end.ok) ok++;
      else if (broken.length < keptEnds) broken.push(end);
    });
    return stream;
  }

  return {
    send() {
      const slot = turn++ % streams;
      const stream = slots[slot] ?? start(slot);
      const outcome = stream.send();
      slots[slot] = stream.sent < messages ? stream : undefined;
      if (!slots[slot]) stream.end();
      return outcome;
    },
    counts: () => ({ opened, ok, broken: [...broken] }),
    async finish() {
      for (const stream of slots) stream?.end();
      slots.fill(undefined);
      await Promise.all([...open].map((stream) => stream.ended));
      return this.counts();
    },
    close: () => client.close(),
  };
}
