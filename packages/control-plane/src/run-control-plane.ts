/** `legation control-plane`: from the command line to the exit code. */
import { createLifecycle, createLogger, loadConfig, printConfig, readConfigFiles, systemClock } from "@legation/runtime";
import { controlPlaneOptions, stateDirectory } from "./config.js";
import { startControlPlane } from "./control-plane.js";
import { fileFlag, printFlag } from "./manual.js";

/** What the process gives the command; Node's `process` fits. */
export interface ControlPlaneIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

/**
 * Runs a control plane until SIGTERM or SIGINT. Resolves to the exit code: 0 after an orderly stop, or `--print-config`. Rejects
 * with a LegationError when it could not begin (`config` for wrong settings); what had been started is stopped by then.
 */
export async function runControlPlane(argv: readonly string[], io: ControlPlaneIo): Promise<number> {
  const file = readConfigFiles(argv, fileFlag);
  const flags = argv.filter((word) => word !== printFlag);
  const { values, origins } = loadConfig(controlPlaneOptions, { argv: flags, env: io.env, file, fileFlag });
  if (argv.includes(printFlag)) {
    io.stdout.write(printConfig(controlPlaneOptions, values, origins));
    return 0;
  }
  const destination = { write: (line: string) => void io.stderr.write(line) };
  const log = createLogger({ name: "control-plane", level: values.logLevel, destination });
  const lifecycle = createLifecycle(log);
  lifecycle.handleSignals();
  try {
    await startControlPlane({ config: values, stateDir: stateDirectory(values, io.env), clock: systemClock, log, lifecycle });
  } catch (error) {
    await lifecycle.stop("it could not begin");
    throw error;
  }
  await lifecycle.stopped;
  return 0;
}
