/** `prove rollout`: from the command line to the exit code. */
import { openSandbox } from "@legation/local";
import { LegationError } from "@legation/runtime";
import { keepEvidence } from "./evidence.js";
import { faults } from "./faults/index.js";
import { kills } from "./faults/kills.js";
import { none } from "./faults/none.js";
import { isNamed, parseFlags, type RolloutFlags, usage } from "./flags.js";
import { startFleet, width } from "./fleet.js";
import type { Io } from "./io.js";
import { startProofLoad } from "./load/load.js";
import { report, verdict } from "./report.js";
import { holds, totals } from "./result.js";
import { type Goal, rollout } from "./rollout.js";

/** Runs the proof. Resolves with 0 when it holds, 1 when not, 2 for wrong flags. A SIGINT or SIGTERM stops all in order. */
export async function runRollout(argv: readonly string[], io: Io): Promise<number> {
  let flags: RolloutFlags;
  try {
    flags = parseFlags(argv);
  } catch (error) {
    if (!(error instanceof LegationError)) throw error;
    io.stderr.write(`legation prove rollout: ${error.message}. See --help\n`);
    return 2;
  }
  if (flags.help) {
    io.stdout.write(`${usage}\n`);
    return 0;
  }
  const began = performance.now();
  const print = (line: string): void => {
    const at = ((performance.now() - began) / 1000).toFixed(1).padStart(7);
    (flags.json ? io.stderr : io.stdout).write(`${at} s  ${line}\n`);
  };
  const sandbox = openSandbox({ name: "legation-prove" });
  const keep = async (): Promise<void> => print(`what all parts have logged is kept in ${await keepEvidence(sandbox.dir)}`);
  const stopping = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    print(`${name}: stopping`);
    stopping.abort();
  };
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, onSignal);
  try {
    print(`starting Consul, the control plane, 9 instances of 3 services, 2 callers; identity ${flags.identity}`);
    const fleet = await startFleet(sandbox, print, flags.identity);
    const load = startProofLoad(fleet, flags.rate);
    sandbox.onStop(() => load.stop());
    const result = await rollout(fleet, load, goalOf(flags), print, stopping.signal);
    if (flags.json) io.stdout.write(`${JSON.stringify({ holds: holds(result), ...totals(result), ...result })}\n`);
    else io.stdout.write(`\n${report(result)}\n`);
    if (flags.json) io.stderr.write(`${verdict(result)}\n`);
    if (!holds(result)) await keep();
    return holds(result) && !stopping.signal.aborted ? 0 : 1;
  } catch (error) {
    if (!stopping.signal.aborted) await keep();
    throw error;
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onSignal);
    await sandbox.stop();
  }
}

/** Faults between plain restarts on all ranks; kills one after the other on the first, for what dies is ejected by its callers for a minute. */
function goalOf({ requests, restarts, only, kills: killing }: RolloutFlags): Goal {
  const chosen = (killing ? kills : faults).filter(
    (fault) => fault !== none && (only.length === 0 ? !fault.onDemand : only.some((name) => isNamed(fault, name))),
  );
  return killing ? { requests, restarts: 1, faults: chosen, ranks: 1 } : { requests, restarts, plain: none, faults: chosen, ranks: width };
}
