/** `legation prove`: the proofs, which come with the repository and not with the installed command. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LegationError } from "@legation/runtime/command-line";
import type { Run } from "../command.js";

const inRepository = new URL("../../../../deploy/prove/dist/index.js", import.meta.url);

/** Runs a proof found at `proofs`. Throws a LegationError with code `prove.absent` that says what is needed where it is not there. */
export function proofsAt(proofs: URL): Run {
  return async (argv, io) => {
    if (!existsSync(fileURLToPath(proofs)))
      throw new LegationError(
        "prove.absent",
        "the proofs are not installed with the command: they start a mesh of their own with load generators, Consul and Envoy. Clone " +
          "Legation's repository, run npm run setup in it, then npx legation prove there",
      );
    const { prove } = (await import(proofs.href)) as { prove: Run };
    return prove(argv, io);
  };
}

/** Runs the proof that the arguments name. */
export const run: Run = proofsAt(inRepository);
