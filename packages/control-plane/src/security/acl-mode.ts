/** Whether this Consul uses ACLs: asked again and again, and remembered over restarts, so that Consul's absence opens nothing. */
import { readFile } from "node:fs/promises";
import type { AclApi } from "@legation/consul";
import { type Clock, type Logger, writeFileAtomic } from "@legation/runtime";

/** `unknown`: Consul has not answered yet, and neither did it in an earlier run. */
export type AclMode = "on" | "off" | "unknown";

/** How often it is asked, and as long as it is not known; milliseconds. */
export const modeTimes = { renew: 15_000, retry: 500 } as const;

/** How long a request waits for the first answer; milliseconds. */
const firstAnswerMs = 3_000;

/** The mode. */
export interface AclModeWatch {
  /** Begins to ask. */
  start(): void;
  /** The mode as far as it is known now. */
  readonly known: AclMode;
  /** The mode; waits for the first answer while nothing is known, for a short time. */
  current(): Promise<AclMode>;
  /** Consul has just said that it uses none. */
  disabled(): void;
  /** Ends the questions; resolves when the last answer is written down. */
  stop(): Promise<void>;
}

/** Reads what an earlier run wrote to `path`; changes are told to `onChange` and written there. */
export async function createAclMode(o: {
  acl: Pick<AclApi, "authorize">;
  path: string;
  onChange: (mode: Exclude<AclMode, "unknown">) => void;
  clock: Clock;
  log: Logger;
}): Promise<AclModeWatch> {
  const { clock, log } = o;
  const stopping = new AbortController();
  let mode: AclMode = await saved(o.path);
  let told = false;
  let answered = (): void => undefined;
  let writing: Promise<void> = Promise.resolve();
  const first = new Promise<void>((resolve) => {
    answered = resolve;
  });

  function learn(next: "on" | "off"): void {
    const changed = next !== mode;
    mode = next;
    answered();
    if (told && !changed) return;
    told = true;
    o.onChange(next);
    if (changed) writing = writing.then(() => write(next));
  }

  async function write(now: AclMode): Promise<void> {
    await writeFileAtomic(o.path, `${now}\n`).catch((error: unknown) =>
      log.error({ event: "state.write-failed", what: "the ACL mode", err: error }, "whether Consul uses ACLs cannot be written down"),
    );
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const { kind } = await o.acl.authorize(undefined, [{ resource: "service", access: "read" }], {
          timeoutMs: modeTimes.renew,
          signal: stopping.signal,
        });
        learn(kind === "disabled" ? "off" : "on");
      } catch (error) {
        log.debug({ event: "access.mode-unasked", err: error }, "Consul does not say whether it uses ACLs");
      }
      await clock.sleep(told ? modeTimes.renew : modeTimes.retry, stopping.signal).catch(() => undefined);
    }
  }

  return {
    start: () => void run(),
    get known() {
      return mode;
    },
    async current() {
      if (mode === "unknown") await Promise.race([first, clock.sleep(firstAnswerMs, stopping.signal).catch(() => undefined)]);
      return mode;
    },
    disabled: () => learn("off"),
    stop() {
      stopping.abort(new Error("the control plane stops"));
      return writing;
    },
  };
}

async function saved(path: string): Promise<AclMode> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trim() === "on" ? "on" : text.trim() === "off" ? "off" : "unknown";
}
