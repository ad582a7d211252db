/**
 * `npm run fuzz -- policies|explain|api [--runs 5000] [--seed N] [--seconds 600]`: more random cases than the tests have. Tells a seed that repeats
 * a failure. `--seconds` ends the fuzzing of the API, whose runs are examples for each operation.
 */
import { spawn } from "node:child_process";
import { parseArgs } from "node:util";

const subjects = {
  policies: "packages/mesh/src/proof/random-policies.test.ts",
  explain: "packages/mesh/src/proof/explain.test.ts",
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string", default: "5000" }, seed: { type: "string" }, seconds: { type: "string", default: "600" } },
});
const subject = positionals[0] ?? "";
const file = subjects[subject];
if (!(file || subject === "api") || ![values.runs, values.seconds].every((number) => /^[1-9]\d*$/.test(number))) {
  process.stderr.write(`usage: npm run fuzz -- ${Object.keys(subjects).join("|")}|api [--runs 5000] [--seed N] [--seconds 600]\n`);
  process.exit(2);
}
if (file) {
  const env = { ...process.env, FUZZ_RUNS: values.runs, ...(values.seed ? { FUZZ_SEED: values.seed } : {}) };
  const child = spawn("npx", ["vitest", "run", "--project", "unit", file], { stdio: "inherit", env });
  child.once("exit", (code) => {
    process.exitCode = code ?? 1;
  });
} else {
  const { fuzzApi } = await import("./api.mjs");
  const { seed } = values;
  const output = (text) => process.stdout.write(text);
  process.exitCode = await fuzzApi({ examples: Number(values.runs), seconds: Number(values.seconds), output, ...(seed ? { seed } : {}) });
}
