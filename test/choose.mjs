/** The programs below `test` that are chosen by name: what `npm run bench -- <name>` and `npm run soak -- <name>` have in common. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * Runs the program that the first argument names, from the build in `test/dist/<kind>`. Each of `programs` has an `about` and the `module`
 * that exports `run(args)`, which resolves to the exit code. Without a name the list is shown; the exit code is 2 for one that is unknown.
 */
export async function choose(kind, programs) {
  const [name = "", ...args] = process.argv.slice(2).filter((arg) => arg !== "--");
  const program = programs[name];
  if (!program) {
    console.error(`usage: npm run ${kind} -- <name> [options]\n`);
    for (const [each, { about }] of Object.entries(programs)) console.error(`  ${each.padEnd(10)}${about}`);
    return name === "" || name === "--help" ? 0 : 2;
  }
  const module = new URL(`./dist/${kind}/${program.module}`, import.meta.url);
  if (!existsSync(fileURLToPath(module))) {
    console.error(`${fileURLToPath(module)} is missing: run "npm run build" first.`);
    return 2;
  }
  const { run } = await import(module.href);
  return run(args);
}
