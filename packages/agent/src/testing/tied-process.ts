/** A process of a test that ends with it, also when the test's own process is killed and can clean up no more. */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Ends the process by SIGKILL, and resolves when it is gone; the second call does nothing. */
export type EndProcess = () => Promise<void>;

/** A shell that waits for the end of its input, which comes with the end of whoever holds the other side, and then ends the process. */
const tie = '"$@" </dev/null >/dev/null 2>&1 & pid=$!; read -r _; kill -9 "$pid"; wait "$pid"';

/** Starts it; what it writes is thrown away. */
export function startTied(file: string, args: readonly string[]): EndProcess {
  const shell = spawn("/bin/sh", ["-c", tie, "tied", file, ...args], { stdio: ["pipe", "ignore", "ignore"] });
  const exited = once(shell, "exit");
  return async () => {
    shell.stdin.end();
    await exited;
  };
}
