/** An agent's log, read while it is written: one JSON event a line. */
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { LegationError } from "@legation/runtime";

/** One line; every event has a name. */
export type AgentEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/** A log that is followed from its present end. */
export interface AgentLog {
  /** What was written since. */
  readonly events: readonly AgentEvent[];
  /** Resolves with the first event, past ones included, that `matches`. Throws with code `prove.event` after `limitMs` milliseconds. */
  event(what: string, matches: (event: AgentEvent) => boolean, limitMs: number): Promise<AgentEvent>;
  /** Reads what is left, and ends the reading. */
  close(): Promise<void>;
}

const everyMs = 5;

/** Follows the file from where it ends now. */
export async function followAgentLog(path: string): Promise<AgentLog> {
  const file = await open(path, "r");
  let position = (await file.stat()).size;
  let rest = "";
  let closed = false;
  const events: AgentEvent[] = [];
  const chunk = Buffer.alloc(64 * 1024);

  async function read(): Promise<void> {
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const lines = (rest + chunk.toString("utf8", 0, bytesRead)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const parsed = parse(line);
        if (parsed) events.push(parsed);
      }
    }
  }
  const reading = (async () => {
    while (!closed) {
      await read();
      await sleep(everyMs);
    }
  })();

  return {
    events,
    async event(what, matches, limitMs) {
      const deadline = performance.now() + limitMs;
      for (let seen = 0; ; ) {
        for (; seen < events.length; seen++) {
          const event = events[seen];
          if (event && matches(event)) return event;
        }
        if (performance.now() > deadline)
          throw new LegationError("prove.event", `${path}: ${what} was not logged within ${limitMs / 1000} s`);
        await sleep(everyMs);
      }
    },
    async close() {
      closed = true;
      await reading;
      await read();
      await file.close();
    },
  };
}

function parse(line: string): AgentEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "event" in value && typeof value.event === "string"
      ? (value as AgentEvent)
      : undefined;
  } catch {
    // The output of something else than the agent.
    return undefined;
  }
}
