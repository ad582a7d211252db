/** `pnpm prove`: the proofs without the `legation` command around them. */
import { prove } from "./prove.js";

process.exitCode = await prove(process.argv.slice(2), process);
