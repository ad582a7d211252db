/** The place where a mesh runs on one machine: a temporary directory, ports, and children that never outlive it. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LegationError } from "@legation/runtime";
import { type Child, type ChildSpec, startChild } from "./child.js";
import { markVariable } from "./leftovers.js";
import { createPorts, type Ports } from "./port.js";
import { startTether, type TetherResult } from "./tether.js";

/** One place with all that runs in it. */
export interface Sandbox {
  /** Everything that the mesh writes is in here; removed at the end. */
  readonly dir: string;
  readonly ports: Ports;
  /** The pid of the process that ends everything should this one die. */
  readonly tether: number;
  /** A new directory under `dir`. */
  makeDir(name: string): string;
  /**
   * Starts a process that ends with the sandbox at the latest, even if the starter is killed with -9. Its `env` is added to the
   * starter's own, less what would configure Consul, a service or Legation. Throws once `stop` was called.
   */
  start(spec: ChildSpec): Promise<Child>;
  /** Runs `stop` when the sandbox stops, the latest first. */
  onStop(stop: () => Promise<unknown> | unknown): void;
  /**
   * Stops all in order, ends what is then left, and removes the directory. Resolves with what was left. Every part is stopped even if
   * one fails; then the first failure is thrown. A second call gives the first call's result.
   */
  stop(): Promise<TetherResult>;
}

/** Opens a sandbox. `dir` is an existing directory to use instead of a temporary one; such a directory is not removed. */
export function openSandbox({ name = "legation", dir: given }: { name?: string; dir?: string } = {}): Sandbox {
  const dir = realpathSync(given ?? mkdtempSync(join(tmpdir(), `${name}-`)));
  const marker = randomBytes(12).toString("hex");
  const tether = startTether({ dir, marker, keepDir: given !== undefined });
  const ports = createPorts();
  const stops: (() => Promise<unknown> | unknown)[] = [];
  let stopped: Promise<TetherResult> | undefined;
  mkdirSync(join(dir, "log"), { recursive: true });

  async function stopAll(): Promise<TetherResult> {
    const failures: unknown[] = [];
    for (const stop of stops.reverse()) {
      try {
        await stop();
      } catch (error) {
        failures.push(error);
      }
    }
    const result = await tether.release();
    await ports.release();
    if (failures.length > 0) throw failures[0];
    return result;
  }

  return {
    dir,
    ports,
    get tether() {
      return tether.pid;
    },
    makeDir(path) {
      const made = join(dir, path);
      mkdirSync(made, { recursive: true });
      return made;
    },
    async start(spec) {
      if (stopped) throw new LegationError("local.stopped", `${spec.name} can't be started: everything is being stopped`);
      const env = { ...withoutSettings(process.env), ...spec.env, [markVariable]: marker };
      const child = await startChild({ ...spec, env }, join(dir, "log", `${spec.name}.log`));
      tether.hold(child.identity);
      void child.exited.then(() => tether.forget(child.pid));
      return child;
    },
    onStop: (stop) => void stops.push(stop),
    stop: () => (stopped ??= stopAll()),
  };
}

const setting = /^(CONSUL_|SERVICE_|LEGATION_|HEALTH_CHECK_|CIRCUIT_BREAKER_|LOAD_BALANCING_|STATE_DIRECTORY$|LOG_LEVEL$)/;

/** The environment without what would configure Consul, a service or Legation behind the back of the one who starts a mesh. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !setting.test(key) || key === "CONSUL_BIN"));
}
