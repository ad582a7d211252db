/** `legation dev`: a whole mesh on a laptop, for as long as the command runs. */
import { LegationError, loadConfig, type Page } from "@legation/runtime/command-line";
import type { Io, Run, StopSignal } from "../command.js";
import { addressesOf, showAddresses } from "../dev/addresses.js";
import { createFollower } from "../dev/follow-file.js";
import { lineWriter } from "../dev/log-line.js";
import { openDevSandbox, startDevMesh } from "../dev/mesh.js";
import { type DevValues, devOptions } from "../dev/options.js";
import { writeSample } from "../dev/sample.js";
import { readServices, type ServiceGroup } from "../dev/service-file.js";
import { exitCode } from "../exit-code.js";
import { paint, type Screen, screenOf } from "../screen.js";
import { usualEnvironment } from "../usual-page.js";

/** How long the table waits for services that do not serve yet; milliseconds. */
const servingLimit = 60_000;
/** A terminal and npm both deliver one Ctrl-C. Milliseconds. */
const sameSignal = 500;
/** Of the sample; both are free on most machines. */
const samplePorts = [4280, 4281] as const;

/** Its manual page. */
export const page: Page = {
  operands: [{ name: "SERVICE", optional: true, repeated: true, values: "file" }],
  synopsis: ["legation dev SERVICE.yaml|DIRECTORY… [flags]", "legation dev --sample DIRECTORY"],
  description: [
    "Runs a whole mesh on this machine: Consul, a control plane, and for each service file an agent with the service and its Envoy; for a directory, one agent with all its services. Everything listens on loopback, on the ports that the files name or on free ones. Each line of their logs stands behind the name of its process; once all serve, a table says where everything is and how each service that speaks HTTP is called through the mesh.",
    "A service file or policy that is written anew is in effect at once, with a new process of the service, or a new agent, where that is needed. Ctrl-C stops everything in order, a second one at once; nothing stays behind, even if the command is killed.",
    "Consul is found as CONSUL_BIN, in PATH, or where npm run setup has put it; Envoy likewise as ENVOY_BIN. Without an Envoy services run, and are not called through the mesh; those of a directory run only where their files say envoy: { enabled: false }.",
  ],
  options: devOptions,
  environment: { CONSUL_BIN: "The Consul to run", ENVOY_BIN: "The Envoy to run", ...usualEnvironment },
  exitStatus: {
    0: "Stopped as asked.",
    1: "Something could not be started; the message says why.",
    2: "A file or the command line is wrong.",
    130: "Stopped at once, by a second signal.",
  },
  examples: [
    ["legation dev --sample try/", "Two small services to begin with."],
    "legation dev try/web.yaml try/orders.yaml",
    ["legation dev services/ --policies policies/ --state-dir .mesh", "One agent for all; what Consul knows is kept for the next time."],
  ],
  seeAlso: ["legation agent", "legation services", "legation policy"],
};

/** Runs until a signal; resolves to the exit code. */
export const run: Run = async (argv, io) => {
  const { values, positional } = loadConfig(devOptions, { argv, env: io.env, maxPositional: Number.POSITIVE_INFINITY });
  if (values.sample !== undefined) return sample(values.sample, io);
  if (positional.length === 0)
    throw new LegationError(
      "usage",
      "no service is named. Write: legation dev service.yaml, or legation dev --sample DIRECTORY for two to begin with",
    );
  const groups = readServices(positional);
  const screen = screenOf(io);
  const fleets = new Set(groups.filter(({ isDirectory }) => isDirectory).map(({ label }) => label));
  const names = [
    "dev",
    "consul",
    "control-plane",
    ...groups.flatMap((group) => (group.isDirectory ? group.files.map(({ service }) => service) : [group.label])),
  ];
  const toLine = lineWriter(names, fleets, screenOf({ env: io.env, stdout: io.stderr }));
  const onLine = (name: string, line: string) => void io.stderr.write(toLine(name, line));
  const stopping = stopSignals(io);
  const sandbox = openDevSandbox(values);
  const follower = createFollower(onLine, io.clock);
  const tell = (text: string) => onLine("dev", text);
  try {
    const work = serve({ sandbox, values, groups, io, screen, tell, onLog: follower.follow });
    await Promise.race([work, stopping.first]);
    await stopping.first;
    tell("stopping: the services, the control plane, Consul");
    const stopped = sandbox.stop().then(() => exitCode.done as number);
    // What still starts ends with the sandbox, and may say so.
    work.catch(() => {});
    return await Promise.race([stopped, stopping.second]);
  } catch (error) {
    await Promise.race([sandbox.stop(), stopping.second]);
    throw error;
  } finally {
    follower.stop();
    stopping.release();
  }
};

interface Serving {
  readonly sandbox: ReturnType<typeof openDevSandbox>;
  readonly values: DevValues;
  readonly groups: readonly ServiceGroup[];
  readonly io: Io;
  readonly screen: Screen;
  readonly tell: (text: string) => void;
  readonly onLog: (name: string, path: string) => void;
}

/** Starts everything, and says where it is. */
async function serve({ sandbox, values, groups, io, screen, tell, onLog }: Serving): Promise<void> {
  const mesh = await startDevMesh(sandbox, { values, groups, clock: io.clock, onLog, tell });
  const serving = await mesh.serving(servingLimit);
  const addresses = addressesOf(
    mesh,
    groups.flatMap(({ files }) => files),
    serving,
  );
  io.stdout.write(values.json ? `${JSON.stringify(addresses)}\n` : showAddresses(addresses, screen));
}

function sample(directory: string, io: Io): number {
  const files = writeSample(directory, samplePorts);
  io.stdout.write(`Written. To run them:\n  ${paint(`legation dev ${files.join(" ")}`, "strong", screenOf(io))}\n`);
  return exitCode.done;
}

interface StopSignals {
  readonly first: Promise<void>;
  /** Resolves to the exit code of an end by force. */
  readonly second: Promise<number>;
  release(): void;
}

function stopSignals(io: Io): StopSignals {
  const codes: Readonly<Record<StopSignal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };
  let at: number | undefined;
  let onFirst: () => void = () => {};
  let onSecond: (code: number) => void = () => {};
  const first = new Promise<void>((resolve) => {
    onFirst = resolve;
  });
  const second = new Promise<number>((resolve) => {
    onSecond = resolve;
  });
  const release = io.onSignal((name) => {
    const now = io.clock.monotonic();
    if (at === undefined) onFirst();
    else if (now - at > sameSignal) onSecond(codes[name]);
    at ??= now;
  });
  return { first, second, release };
}
