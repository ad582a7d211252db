/** The same random requests each time, by the OpenAPI document, to a real control plane over a real Consul: nothing fails, and everything answers as documented. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "@legation/local";
import { expect, test } from "vitest";

const tools = join(repositoryRoot, ".tools");
/** Schemathesis where it can be had here: one, or none. */
const here = existsSync(tools)
  ? readdirSync(tools)
      .filter((name) => name.startsWith("schemathesis-"))
      .slice(0, 1)
  : [];

test("schemathesis is here where everything is tested", () => {
  expect(process.env["CI"] !== "true" || here.length === 1).toBe(true);
});

test.each(here)("%s finds no answer that is not documented, and no failure", async () => {
  const args = ["test/fuzz/run.mjs", "api", "--runs", "4", "--seconds", "25", "--seed", "1"];
  const { code, out } = await new Promise<{ code: number; out: string }>((resolve) => {
    execFile(process.execPath, args, { cwd: repositoryRoot, timeout: 150_000, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve({ code: error ? 1 : 0, out: stdout + stderr }),
    );
  });
  expect({ code, failures: code === 0 ? "" : out.slice(-8_000) }).toEqual({ code: 0, failures: "" });
  expect(out).toMatch(/Tested: [5-9]\d/);
});
