/** Knows which labelled containers run: a stream of events, and the whole list whenever that stream begins anew. */
import { type Backoff, type Clock, type Logger, messageOf } from "@legation/runtime";
import type { Container, ContainerEvent } from "./container.js";
import type { Engine } from "./engine.js";

/** What the watcher needs, and whom it tells. */
export interface WatcherOptions {
  readonly engine: Engine;
  /** Containers without this label do not count. */
  readonly label: string;
  /** A container runs (again). It may be told more than once. */
  readonly onUp: (container: Container) => void;
  /** A container does not run any more, or is gone, and why. */
  readonly onDown: (id: string, cause: string) => void;
  /** The whole truth of one moment: all others do not run. */
  readonly onList: (running: readonly Container[]) => void;
  readonly backoff: Backoff;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A watcher at work. */
export interface Watcher {
  /** Why the engine cannot be heard now. */
  readonly problem: string | undefined;
  begin(): void;
  stop(): void;
}

/** Events after which a container has to be looked at; what it is then counts, not what the event says. */
const looked = new Set(["start", "unpause", "restart", "rename", "die", "stop", "kill", "oom", "pause", "destroy"]);

/** Creates a watcher. While the engine is gone it tells nothing, and tries again with back-off, for ever. */
export function createWatcher(options: WatcherOptions): Watcher {
  const { engine, label, backoff, clock, log } = options;
  const stopping = new AbortController();
  let problem: string | undefined = "the engine has not been asked yet";
  let lost = false;

  /** Goes on until the stream has ended; rejects with why. */
  const session = async (): Promise<never> => {
    let work: Promise<void> = Promise.resolve();
    let fail: (error: Error) => void = () => {};
    const failed = new Promise<never>((_resolve, reject) => {
      fail = reject;
    });
    failed.catch(() => {});
    // Listened to before the list is read: what happens in between is not missed.
    const events: ContainerEvent[] = [];
    let listed = false;
    const handle = (event: ContainerEvent): void => {
      work = work.then(() => look(event)).catch(fail);
    };
    const stream = await engine.follow(
      label,
      (event) => {
        if (!looked.has(event.action)) return;
        if (listed) handle(event);
        else events.push(event);
      },
      (why) => fail(new Error(why)),
    );
    const close = (): void => stream.close();
    stopping.signal.addEventListener("abort", close, { once: true });
    try {
      options.onList(await running());
      listed = true;
      for (const event of events) handle(event);
      if (lost) log.info({ event: "containers.regained" }, "the container engine can be heard again");
      lost = false;
      problem = undefined;
      backoff.reset();
      return await failed;
    } finally {
      stopping.signal.removeEventListener("abort", close);
      stream.close();
    }
  };

  const running = async (): Promise<Container[]> => {
    const found: Container[] = [];
    for (const id of await engine.list(label)) {
      const container = await engine.inspect(id);
      if (container?.up) found.push(container);
    }
    return found;
  };

  const look = async ({ id, action }: ContainerEvent): Promise<void> => {
    if (stopping.signal.aborted) return;
    const container = await engine.inspect(id);
    if (container?.up) options.onUp(container);
    else options.onDown(id, container ? `it is ${container.status}` : `it is gone (${action})`);
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await session();
      } catch (error) {
        if (stopping.signal.aborted) return;
        problem = messageOf(error);
        if (!lost) log.warn({ event: "containers.lost", problem }, `containers stay as they are, their engine is not heard: ${problem}`);
        lost = true;
        await clock.sleep(backoff.next(), stopping.signal).catch(() => undefined);
      }
    }
  };

  return {
    get problem() {
      return problem;
    },
    begin: () => void run(),
    stop: () => stopping.abort(),
  };
}
