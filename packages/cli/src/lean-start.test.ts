import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";

const bin = fileURLToPath(new URL("../bin/legation.js", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "legation-lean-"));
const preload = join(dir, "preload.mjs");
const hooks = join(dir, "hooks.mjs");

beforeAll(() => {
  writeFileSync(
    hooks,
    'export async function load(url, context, next) { process._rawDebug("loaded " + url); return next(url, context); }\n',
  );
  writeFileSync(preload, `import { register } from "node:module"; register(${JSON.stringify(pathToFileURL(hooks).href)});\n`);
});
afterAll(() => rmSync(dir, { recursive: true }));

/** The modules that a command loads. */
async function loaded(...argv: string[]): Promise<readonly string[]> {
  const child = spawn(process.execPath, ["--import", preload, bin, ...argv], { stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  child.stderr.on("data", (part) => {
    text += part;
  });
  await once(child, "close");
  return [...text.matchAll(/^loaded (\S+)/gm)].map(([, url = ""]) => url);
}

const heavy = /node_modules\/(zod|fastify|@bufbuild|pino|prom-client|yaml|@grpc|@fastify|consul)\//;

it.each([
  "services",
  "proxies",
  "agents",
  "status",
  "graph",
  "ledger",
  "instances",
  "why-not orders-1",
  "events",
  "explain GET http://orders/ --from web",
  "audit",
  "intentions check a b",
  "policy list",
  "policy history",
  "drain --admin 127.0.0.1:1",
  "completion candidates -- services ''",
  "--help",
])("%s loads nothing heavy", async (line) => {
  const urls = await loaded(...line.split(" "), ...(line.startsWith("-") || /drain|completion/.test(line) ? [] : ["--api", "127.0.0.1:1"]));
  expect(urls.filter((url) => heavy.test(url))).toEqual([]);
  expect(urls.length).toBeGreaterThan(5);
  expect(urls.length).toBeLessThan(90);
});
