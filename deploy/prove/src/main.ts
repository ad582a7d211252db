/** `npm run prove`: the proofs without the `legation` command around them. */
import { LegationError } from "@legation/runtime";
import { prove } from "./prove.js";

try {
  process.exitCode = await prove(process.argv.slice(2), process);
} catch (error) {
  if (!(error instanceof LegationError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
