/** Fuzzes the HTTP API of a real control plane over a real Consul with schemathesis, by the OpenAPI document that it answers itself. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSandbox, repositoryRoot, startConsul, startControlPlane } from "@legation/local";

const pinned = readFileSync(join(repositoryRoot, "deploy/setup/schemathesis.txt"), "utf8");
/** Where the set-up puts it. */
const installed = join(repositoryRoot, ".tools", `schemathesis-${/^schemathesis==(.*)$/m.exec(pinned)?.[1]}`);
const config = fileURLToPath(new URL("schemathesis.toml", import.meta.url));

/** What waits by design: the stream of an agent's commands, which does not end, the question of replicas that is held until something happens, and an instance's notices, which are held until its callers' proxies have acknowledged them. */
const waiting = ["/v1/agents/commands", "/v1/agents/events", "/v1/agents/arriving", "/v1/agents/leaving"];

const services = [
  { name: "orders", id: "orders-1", port: 8001, tags: ["v1"], meta: { version: "1.0", protocol: "http", "legation-dep-0": "payments" } },
  { name: "orders", id: "orders-2", port: 8002, tags: ["v2"], meta: { version: "2.0", protocol: "http" } },
  { name: "payments", id: "payments-1", port: 8003, tags: [], meta: { protocol: "grpc" } },
];
const policies = [
  { apiVersion: "legation/v1", kind: "Identity", name: "mesh", mode: "permissive" },
  { apiVersion: "legation/v1", kind: "Service", name: "orders", timeouts: { request: "5s" } },
];

/**
 * Runs it; resolves to schemathesis' exit code, 0 when it has found nothing.
 * @param {{ examples: number, seconds: number, seed?: string, output: (text: string) => void }} o
 */
export async function fuzzApi({ examples, seconds, seed, output }) {
  if (!existsSync(installed)) throw new Error("schemathesis is not installed: npm run setup -- --schemathesis");
  const sandbox = await openSandbox();
  try {
    const consul = await startConsul(sandbox);
    for (const { name, id, port, tags, meta } of services)
      await put(`${consul.url}/v1/agent/service/register`, {
        Name: name,
        ID: id,
        Address: "127.0.0.1",
        Port: port,
        Tags: tags,
        Meta: meta,
      });
    const plane = await startControlPlane(sandbox, { consul: consul.url, flags: ["--rate-limit", "100000"] });
    const applied = await fetch(`${plane.api}/api/policies/apply`, {
      ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ documents: policies }) },
    });
    if (!applied.ok) throw new Error(`the policies were refused: ${await applied.text()}`);
    const args = [
      ...["run", `${plane.api}/api/openapi.json`, "--max-examples", String(examples), "--max-time", String(seconds)],
      ...["--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color", "--request-timeout", "20", "--no-shrink"],
      ...["--generation-database", "none", "--warnings", "off", ...(seed ? ["--seed", seed] : [])],
      ...waiting.flatMap((path) => ["--exclude-path", path]),
    ];
    return await run(args, sandbox.makeDir("schemathesis"), output);
  } finally {
    await sandbox.stop();
  }
}

/** @param {string} url @param {object} body */
async function put(url, body) {
  const answer = await fetch(url, { method: "PUT", body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
}

/** @param {string[]} args @param {string} cwd @param {(text: string) => void} output @returns {Promise<number>} */
function run(args, cwd, output) {
  return new Promise((resolve, reject) => {
    const child = spawn("python3", ["-m", "schemathesis.cli", "--config-file", config, ...args], {
      cwd,
      env: { ...process.env, PYTHONPATH: installed },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", output);
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}
