/** A look by a command: 0 passes, 1 warns, everything else fails, as Consul's script checks have it. */
import { spawn } from "node:child_process";
import { found, type Look, type Probe, type ProbeResult } from "./probe.js";

/** Where, as whom and with which variables a command runs. */
export interface Surroundings {
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The agent's own unless given. */
  readonly user?: { readonly uid?: number; readonly gid?: number };
}

/** More of what a command writes is read and thrown away. */
const outputLimit = 4 * 1024;

/** Creates the probe. Each look is a process group of its own, of which nothing is left when the look is over. */
export function createCommandProbe(argv: readonly string[], { cwd, env, user }: Surroundings): Probe {
  const [file = "", ...args] = argv;
  const target = `command ${JSON.stringify(argv[0] === "/bin/sh" && argv[1] === "-c" ? argv[2] : argv.join(" "))}`;
  return {
    kind: "command",
    target,
    look(): Look {
      const child = spawn(file, args, {
        ...user,
        cwd,
        env: env as NodeJS.ProcessEnv,
        detached: true,
        stdio: ["ignore", "pipe", "pipe"],
      });
      const chunks: Buffer[] = [];
      let size = 0;
      const killGroup = (): void => {
        if (child.pid === undefined) return;
        try {
          process.kill(-child.pid, "SIGKILL");
        } catch {
          // Nobody is left in it.
        }
      };
      for (const stream of [child.stdout, child.stderr]) {
        stream.on("error", () => {});
        stream.on("data", (chunk: Buffer) => {
          if (size < outputLimit) chunks.push(chunk.subarray(0, outputLimit - size));
          size += chunk.length;
        });
      }
      const result = new Promise<ProbeResult>((resolve) => {
        child.once("error", (error: NodeJS.ErrnoException) => {
          if (child.pid === undefined)
            resolve(found(target, "fail", error.code === "ENOENT" ? "is not there" : `cannot be run: ${error.code}`));
        });
        let exit: ((output: string) => ProbeResult) | undefined;
        child.once("exit", (code, signal) => {
          exit = (output) => {
            if (code === 0) return found(target, "pass", "passes", output);
            if (code === 1) return found(target, "warn", "warns (exit code 1)", output);
            return found(target, "fail", signal ? `was ended by ${signal}` : `failed with exit code ${code}`, output);
          };
          // What it left behind would hold its output open, and gather look by look.
          killGroup();
        });
        child.once("close", () => {
          if (exit) resolve(exit(Buffer.concat(chunks).toString("utf8")));
        });
      });
      return { result, cancel: killGroup };
    },
    close() {},
  };
}
