import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";

const runtime = new URL("../dist/index.js", import.meta.url).href;
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** Starts a process with a lifecycle whose only hook takes `hookMs`; it prints "ready", and then does what `then` says. */
async function start(hookMs: number, then: string) {
  const script = `
    import { createLifecycle, createLogger } from ${JSON.stringify(runtime)};
    const lifecycle = createLifecycle(createLogger({ name: "test" }));
    lifecycle.handleSignals();
    const alive = setInterval(() => {}, 1_000);
    lifecycle.onStop("hook", 60_000, () => new Promise((resolve) => setTimeout(resolve, ${hookMs})).then(() => clearInterval(alive)));
    process.stdout.write("ready");
    ${then}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const lines: { event: string }[] = [];
  let rest = "";
  const arrived = new Map<string, () => void>();
  child.stderr?.on("data", (part) => {
    const parts = (rest + part).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) {
      lines.push(JSON.parse(line));
      arrived.get(lines.at(-1)?.event ?? "")?.();
    }
  });
  const closed = once(child, "close");
  const logged = (event: string) => new Promise<void>((resolve) => arrived.set(event, resolve));
  if (child.stdout) await once(child.stdout, "data");
  return { child, closed, logged, events: () => lines.map((line) => line.event) };
}

it("ends by itself with 0 after the hooks of a SIGTERM, every line written", async () => {
  const { child, closed, events } = await start(10, "await lifecycle.stopped;");
  child.kill("SIGTERM");
  expect(await closed).toEqual([0, null]);
  expect(events()).toEqual(["lifecycle.stopping", "lifecycle.stopped"]);
});

it("exits with 130 at the second SIGINT, however long a hook takes", async () => {
  const { child, closed, logged, events } = await start(60_000, "");
  const stopping = logged("lifecycle.stopping");
  child.kill("SIGINT");
  await stopping;
  const again = setInterval(() => child.kill("SIGINT"), 100);
  expect(await closed).toEqual([130, null]);
  clearInterval(again);
  expect(events()).toEqual(["lifecycle.stopping", "lifecycle.forced"]);
});

it.each([
  ["Promise.reject(new Error('boom'));", "process.unhandled-rejection"],
  ["setTimeout(() => { throw new Error('boom'); });", "process.uncaught-exception"],
])("after `%s` runs the hooks and exits with 1", async (crash, event) => {
  const { closed, events } = await start(10, crash);
  expect(await closed).toEqual([1, null]);
  expect(events()).toEqual([event, "lifecycle.stopping", "lifecycle.stopped"]);
});
