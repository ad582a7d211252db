/** The xDS soak: hundreds of streams that come, go, stall and refuse; at checkpoints all hold the state, and at the end nothing is left. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Crowd } from "./crowd.js";
import { createRandom } from "./random.js";
import type { Answers, Question } from "./server.js";
import { judge } from "./verdict.js";

const help = `The xDS soak: clients of both variants join, leave, half-close, stall and refuse while the state changes.

usage: npm run soak -- xds [options]

  --minutes 5      of changes, after a warm-up of a tenth of that (at least 6 seconds)
  --streams 500    at any time
  --changes 10     a second
  --seed N         repeats a run's choices; printed at the start
  --short          12 seconds of changes

At each of five checkpoints (one, with --short) the changes stop, and within 30 s every client must hold exactly the server's state. After
the warm-up and at the end all clients leave; then the server must hold no streams, and no more memory, timers, handles, sockets, HTTP/2
sessions and streams than after the warm-up, within the bounds that are printed. Exit code 1 when anything is left.
`;

/** Milliseconds between the steps of the clients. */
const stepMs = 100;

/** Runs the soak. Returns the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: "string", default: "5" },
      streams: { type: "string", default: "500" },
      changes: { type: "string", default: "10" },
      seed: { type: "string" },
      short: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const streams = Number(values.streams);
  const perSecond = Number(values.changes);
  const duration = values.short ? 12_000 : Number(values.minutes) * 60_000;
  if (!(streams > 0 && perSecond > 0 && duration > 0)) throw new Error("--minutes, --streams and --changes take numbers above 0");
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  console.log(`${streams} streams, ${perSecond} changes a second for ${duration / 1_000} s; --seed ${seed}`);
  const child = fork(fileURLToPath(new URL("server.js", import.meta.url)), {
    execArgv: ["--expose-gc", "--disable-warning=ExperimentalWarning"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    const ask = <K extends keyof Answers>(question: Question & { ask: K }): Promise<Answers[K]> =>
      new Promise((resolve, reject) => {
        const gone = () => reject(new Error("the server has ended"));
        child.once("exit", gone);
        child.once("message", (answer) => {
          child.off("exit", gone);
          resolve(answer as Answers[K]);
        });
        child.send(question);
      });
    const { port } = await ask({ ask: "listen", seed });
    const crowd = new Crowd(port, streams, createRandom(seed + 1));
    const phase = async (name: string, milliseconds: number, checkpoints: number) => {
      crowd.join();
      for (let i = 1; i <= checkpoints; i += 1) {
        await ask({ ask: "change", perSecond });
        for (const end = performance.now() + milliseconds / checkpoints; performance.now() < end; ) {
          await pause(stepMs);
          crowd.step();
        }
        crowd.behave();
        const { made, zones } = await ask({ ask: "settle" });
        const begin = performance.now();
        await until(() => crowd.differences(zones), "after 30 s not all clients hold the state");
        const took = Math.round(performance.now() - begin);
        console.log(`${name}, checkpoint ${i} of ${checkpoints}: ${made} changes; all ${streams} hold the state after ${took} ms`);
      }
      crowd.leave();
      await untilNone(async () => (await ask({ ask: "left" })).streams, "streams");
      crowd.hangUp();
      await untilNone(async () => (await ask({ ask: "left" })).handles, "sockets and timers");
      return ask({ ask: "census" });
    };
    const before = await phase("warm-up", Math.max(6_000, duration / 10), 1);
    const joinedBefore = crowd.deeds.joined;
    const after = await phase("soak", duration, values.short ? 1 : 5);
    const { joined, left, halfClosed, stalled, refused, ended } = crowd.deeds;
    console.log(
      `${joined} streams joined; ${left} hung up, ${halfClosed} half-closed, ${stalled} stalled (${ended} were ended), ${refused} responses refused`,
    );
    return judge(before, after, joined - joinedBefore) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    child.kill("SIGKILL");
    await exited;
  }
}

/** Waits until there are no complaints. Throws the first of them after 30 s. */
async function until(complaints: () => string[], failure: string): Promise<void> {
  for (const end = performance.now() + 30_000; ; await pause(50)) {
    const [first, ...more] = complaints();
    if (first === undefined) return;
    if (performance.now() > end) throw new Error(`${failure}: ${first}; ${more.length} more`);
  }
}

/** Waits until none are left. Throws after 15 s, in which a keepalive finds every connection that is dead. */
async function untilNone(count: () => Promise<number>, what: string): Promise<void> {
  let left = await count();
  for (const end = performance.now() + 15_000; left > 0 && performance.now() < end; left = await count()) await pause(50);
  if (left > 0) throw new Error(`the server still has ${left} ${what} 15 s after all clients have left`);
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
