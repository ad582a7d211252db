/** Tells a person what the set-up is doing and for how long: one line a step, with a clock while it runs. */
import { spawn } from "node:child_process";

const started = Date.now();

/** @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();

/** Ends the commands that run, so that an interrupted set-up leaves none behind that goes on writing. */
export function endCommands() {
  for (const child of children) {
    try {
      if (child.pid) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

/** Seconds since the set-up began, for people. */
export const elapsed = () => `${((Date.now() - started) / 1000).toFixed(1)} s`;

let steps = 0;

/** True until the first step begins. */
export const nothingDone = () => steps === 0;

/** A failure that a person can mend; printed without a stack. */
export class SetupError extends Error {}

/**
 * Runs one step. `run` is given `say`, which changes the text behind the clock.
 * @template T
 * @param {string} title what is being done, and how long it usually takes
 * @param {(say: (what: string) => void) => Promise<T>} run
 * @returns {Promise<T>}
 */
export async function step(title, run) {
  steps += 1;
  const begin = Date.now();
  const live = process.stdout.isTTY && process.env.CI !== "true";
  const seconds = () => `${((Date.now() - begin) / 1000).toFixed(0)} s`;
  let what = "";
  const line = () => `  … ${title} (${seconds()})${what ? `: ${what}` : ""}`.slice(0, live ? (process.stdout.columns ?? 80) - 1 : 200);
  if (!live) process.stdout.write(`  … ${title}\n`);
  const timer = setInterval(() => process.stdout.write(live ? `\r\x1b[K${line()}` : `${line()}\n`), live ? 500 : 15_000);
  try {
    const result = await run((text) => {
      what = text;
    });
    clearInterval(timer);
    process.stdout.write(`${live ? "\r\x1b[K" : ""}  ✓ ${title} (${((Date.now() - begin) / 1000).toFixed(1)} s)\n`);
    return result;
  } catch (error) {
    clearInterval(timer);
    process.stdout.write(`${live ? "\r\x1b[K" : ""}  ✗ ${title} (${seconds()})\n`);
    throw error;
  }
}

/**
 * Runs a command, in a process group of its own, to its end and returns what it printed. Throws a SetupError with the last lines when it fails.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, say?: (what: string) => void, hint?: string }} [options]
 * @returns {Promise<string>}
 */
export function run(command, args, { cwd, env, say, hint } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...(cwd ? { cwd } : {}),
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    children.add(child);
    let output = "";
    const take = (/** @type {Buffer} */ chunk) => {
      output = (output + chunk).slice(-200_000);
      const last = output.trimEnd().split("\n").at(-1)?.trim();
      if (last && say) say(last);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const failed = (/** @type {string} */ why) => {
      const tail = output
        .trim()
        .split("\n")
        .slice(-12)
        .map((l) => `    ${l}`)
        .join("\n");
      reject(
        new SetupError(`${[command.split("/").at(-1), ...args].join(" ")} ${why}.${hint ? ` ${hint}` : ""}${tail ? `\n${tail}` : ""}`),
      );
    };
    child.on("error", (error) => failed(`could not be started (${error.message})`));
    child.on("close", () => children.delete(child));
    child.on("close", (code, signal) => (code === 0 ? resolve(output) : failed(signal ? `was ended by ${signal}` : `ended with ${code}`)));
  });
}
