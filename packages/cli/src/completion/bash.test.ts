import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { call } from "../testing/capture.js";
import { listening } from "../testing/listening.js";

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "legation-completion-"));
const server = createServer((_request, response) => {
  const services = {
    orders: { instances: [{ node: "n1", id: "orders-1" }] },
    "evil\u001b[2J": {},
    "$(touch evil)": {},
    "a;b": {},
    "-f": {},
    web: {},
  };
  response.end(JSON.stringify({ services }));
});
let api: string;

beforeAll(async () => {
  symlinkSync(fileURLToPath(new URL("../../bin/legation.js", import.meta.url)), join(dir, "legation"));
  writeFileSync(join(dir, "service.yaml"), "");
  api = await listening(server);
});
afterAll(() => {
  server.close();
  rmSync(dir, { recursive: true });
});

/** What bash offers at the end of these words, by its own programmable completion. */
async function offered(...words: string[]): Promise<readonly string[]> {
  const program = `source <(legation completion bash)
    COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
    _legation legation "\${@: -1}" "\${@: -2:1}" 2>/dev/null
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { PATH: `${dir}:${process.env["PATH"]}`, LEGATION_API: api };
  const { stdout } = await run("bash", ["-c", program, "bash", "legation", ...words], { cwd: dir, env });
  return stdout.split("\n").filter(Boolean);
}

it("completes commands, flags, files and the mesh's names in bash, and offers no name that would steer the terminal or run in the shell", async () => {
  expect(await offered("polic")).toEqual(["policy"]);
  expect(await offered("services", "--wa")).toEqual(["--watch"]);
  expect(await offered("agent", "--config", "serv")).toEqual(["service.yaml"]);
  expect(await offered("intentions", "check", "")).toEqual(["orders", "web"]);
  expect(await offered("drain", "")).toEqual(["orders-1"]);
});

it("offers nothing, and says nothing, when no control plane answers at once", async () => {
  const silent = createServer(() => {});
  const env = { LEGATION_API: await listening(silent) };
  expect(await call(["completion", "candidates", "--", "intentions", "check", ""], { env })).toEqual({ code: 0, out: "", err: "" });
  silent.closeAllConnections();
  silent.close();
});

it.each(["bash", "zsh", "fish"])("prints the script for %s, which asks the command itself", async (shell) => {
  const { code, out } = await call(["completion", shell]);
  expect(code).toBe(0);
  expect(out).toContain("completion candidates --");
  expect(out).not.toContain("undefined");
});
