/** `npm run fuzz -- policies|explain [--runs 5000] [--seed N]`: more random cases than the tests have. Tells a seed that repeats a failure. */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";

const subjects = {
  policies: "packages/mesh/src/proof/random-policies.test.ts",
  explain: "packages/mesh/src/proof/explain.test.ts",
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "5000" }, seed: { type: "string" } },
});
const file = subjects[positionals[0] ?? ""];
if (!file || !/^[1-9]\d*$/.test(values.runs)) {
  process.stderr.write(`usage: npm run fuzz -- ${Object.keys(subjects).join("|")} [--runs 5000] [--seed N]\n`);
  process.exit(2);
}
const env = { ...process.env, FUZZ_RUNS: values.runs, ...(values.seed ? { FUZZ_SEED: values.seed } : {}) };
const child = spawn("npx", ["vitest", "run", "--project", "unit", file], { stdio: "inherit", env });
child.once("exit", (code) => {
  process.exitCode = code ?? 1;
});
