// Runs the README's test command. Test files with failures are run once more, alone: what passes then is named as unsteady and counts as
// passed, and what fails again has failed. Arguments: a directory for reports. Leaves there `counts` ("passed failed"), `failed` and `unsteady`.
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";

// More files than this are no accident.
const filesAgain = 5;
const errorLines = 12;

const directory = process.argv[2];
const first = run("first", ["npm", "test", "--silent", "--"], []);
const files = [...new Set(first.failures.map(({ file }) => file))];
// A failure that is in no file would have all of them run again.
const isWorthIt = files.length > 0 && files.length <= filesAgain && !files.includes("");
if (isWorthIt) console.log(`\nOnce more, alone: ${files.join(" ")}`);
const last = isWorthIt ? run("again", ["npx", "--no-install", "vitest", "run"], files) : first;
const failed = last.failures.length || Number(last.status !== 0);
write("counts", [`${Math.max(0, first.total - failed)} ${failed}`]);
write("failed", last.failures.flatMap(words));
write(
  "unsteady",
  last === first ? [] : first.failures.filter((one) => !last.failures.some(({ name }) => name === one.name)).flatMap(words),
);
process.exitCode = failed > 0 ? 1 : 0;

function run(name, [command, ...args], tests) {
  const output = join(directory, `${name}.json`);
  const all = [...args, "--reporter=default", "--reporter=json", `--outputFile.json=${output}`, ...tests];
  const { status } = spawnSync(command, all, { stdio: "inherit" });
  try {
    const report = JSON.parse(readFileSync(output, "utf8"));
    return { status, total: report.numPassedTests + report.numFailedTests, failures: report.testResults.flatMap(failuresOf) };
  } catch (error) {
    return { status: status || 1, total: 0, failures: [{ file: "", name: "the tests", error: `left no report: ${error.message}` }] };
  }
}

function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(process.cwd(), name);
  const tests = assertionResults.filter((test) => test.status === "failed");
  if (tests.length > 0) return tests.map((test) => ({ file, name: `${file} > ${test.fullName}`, error: test.failureMessages.join("\n") }));
  return status === "failed" ? [{ file, name: file, error: message }] : [];
}

function words({ name, error }) {
  return [
    name,
    ...error
      .split("\n")
      .slice(0, errorLines)
      .map((line) => `    ${line}`),
  ];
}

function write(name, lines) {
  writeFileSync(join(directory, name), lines.map((line) => `${line}\n`).join(""));
}
