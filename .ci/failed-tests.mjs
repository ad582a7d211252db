// Prints each failed test of a vitest JSON report (the argument): its file, its name and the start of its error.
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const ERROR_LINES = 12;

let report;
try {
  report = JSON.parse(readFileSync(process.argv[2], "utf8"));
} catch (error) {
  console.log(`no report of the tests: ${error.message}`);
  process.exit(0);
}
for (const file of report.testResults) {
  const path = relative(process.cwd(), file.name);
  const failed = file.assertionResults.filter((test) => test.status === "failed");
  for (const test of failed) {
    console.log(`${path} > ${test.fullName}`);
    print(test.failureMessages.join("\n"));
  }
  if (file.status === "failed" && failed.length === 0) {
    console.log(path);
    print(file.message);
  }
}

function print(error) {
  for (const line of error.split("\n").slice(0, ERROR_LINES)) {
    console.log(`    ${line}`);
  }
}
