/** `prove`: which proof, and its arguments. */
import type { Io } from "./io.js";

interface Proof {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<(argv: readonly string[], io: Io) => Promise<number>>;
}

const proofs: readonly Proof[] = [
  {
    name: "rollout",
    summary: "Restarts lose no request, whatever fails meanwhile",
    load: async () => (await import("./run-rollout.js")).runRollout,
  },
  {
    name: "scale",
    summary: "What many agents on one machine cost",
    load: async () => (await import("./scale/run-scale.js")).runScale,
  },
];

/** The text of `--help`; 80 columns. */
export const usage = `legation prove PROOF [flags]: proofs on a real mesh on this machine.

${proofs.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`).join("\n")}

Each has a --help of its own.`;

/** Runs the proof that `argv` names. Resolves with the exit code: 0 when it holds, 1 when not, 2 for a wrong command line. */
export async function prove(argv: readonly string[], io: Io): Promise<number> {
  const [first, ...rest] = argv;
  if (first === "--help" || first === "-h") {
    io.stdout.write(`${usage}\n`);
    return 0;
  }
  const proof = proofs.find(({ name }) => name === first);
  if (!proof) {
    io.stderr.write(
      first === undefined ? `${usage}\n` : `legation prove: ${first} is no proof. Proofs: ${proofs.map(({ name }) => name).join(", ")}\n`,
    );
    return 2;
  }
  return (await proof.load())(rest, io);
}
