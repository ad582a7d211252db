import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@legation/runtime";
import { afterEach, beforeEach, expect, test } from "vitest";
import { listenKept, readKeptPorts, writeKeptPorts } from "./kept-ports.js";
import { openStateDir } from "./state-dir.js";

let dir: string;
let events: string[];
const log = createLogger({ name: "test", destination: { write: (line: string) => events.push(JSON.parse(line).event) } });
const servers: Server[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "legation-state-"));
  events = [];
});
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true });
});

test("a directory that does not exist is made, for its owner alone, with its parents", async () => {
  const path = join(dir, "a", "b");
  await openStateDir(path);
  await openStateDir(path);
  expect((await stat(path)).mode & 0o777).toBe(0o700);
});

test.each([
  ["a file stands in its place", () => join(dir, "file")],
  ["a file stands in its way", () => join(dir, "file", "below")],
  ["the file system takes no directories", () => "/proc/legation/state"],
])("when %s, the message names the directory and the flag", async (_what, path) => {
  await writeFile(join(dir, "file"), "");
  await expect(openStateDir(path())).rejects.toMatchObject({
    code: "state-dir.not-writable",
    message: expect.stringMatching(new RegExp(`${path()}.*--state-dir`)),
  });
});

async function listen(host: string, port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  servers.push(server);
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

test("port 0 takes the port of the last run again", async () => {
  const at = { what: "xDS", host: "127.0.0.1", port: 0, log, listen };
  const first = await listenKept({ ...at, kept: undefined });
  await writeKeptPorts(dir, { xds: first });
  await new Promise((resolve) => servers.pop()?.close(resolve));
  expect(await listenKept({ ...at, kept: (await readKeptPorts(dir, log))["xds"] })).toBe(first);
  expect(events).toEqual([]);
});

test("a kept port that somebody took is given up with an event, and a port that was asked for is not", async () => {
  const taken = await listen("127.0.0.1", 0);
  const at = { what: "xDS", host: "127.0.0.1", log, listen };
  expect(await listenKept({ ...at, port: 0, kept: taken })).not.toBe(taken);
  expect(events).toEqual(["listen.moved"]);
  await expect(listenKept({ ...at, port: taken, kept: 1 })).rejects.toMatchObject({ code: "EADDRINUSE" });
});

test("kept ports that cannot be read are as good as none", async () => {
  expect(await readKeptPorts(dir, log)).toEqual({});
  await writeFile(join(dir, "ports.json"), '{"xds": 70000, "http": "x", "other": 1');
  expect(await readKeptPorts(dir, log)).toEqual({});
  await writeFile(join(dir, "ports.json"), '{"xds": 70000, "http": 8080}');
  expect(await readKeptPorts(dir, log)).toEqual({ http: 8080 });
  expect(events).toEqual(["state.ports-corrupt"]);
});
