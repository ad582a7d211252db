import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { instance, serviceOf } from "../testing/catalog.js";
import type { SavedCatalog } from "./catalog-document.js";
import { catalogFileDelay, createCatalogFile, readCatalogFile } from "./catalog-file.js";

let dir: string;
let path: string;
let lines: string[];
const clock = createTestClock();
const log = createLogger({ name: "test", destination: { write: (line: string) => lines.push(line) } });
const read = (datacenter?: string) => readCatalogFile(path, { datacenter, clock, log });

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "legation-state-"));
  path = join(dir, "catalog.json");
  lines = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const saved: SavedCatalog = {
  answeredAt: Date.parse("2026-01-01T00:00:00Z"),
  datacenter: "dc1",
  trust: { trustDomain: "11111111-2222-3333-4444-555555555555.consul", datacenter: "dc1" },
  servers: ["6f1c"],
  intentions: { rows: [{ SourceName: "web", DestinationName: "orders", Action: "deny" }], byDefault: "allow", index: 7 },
  services: [
    serviceOf("orders", "orders-1"),
    { name: "web", instances: [instance("web", "w1", { mesh: { address: "10.0.0.9", port: 20000 }, meta: { zone: "a" }, tags: ["v1"] })] },
  ],
};

/** A writer over a mutable state, on the shared clock. */
async function written(state: SavedCatalog | undefined): Promise<void> {
  const file = createCatalogFile({ path, current: () => state, clock, log });
  file.changed();
  await file.stop();
}

test("what is written is read back as the same value", async () => {
  await written(saved);
  expect(await read()).toEqual(saved);
});

test("a missing file is no state and no event", async () => {
  expect(await read()).toBeUndefined();
  expect(lines).toEqual([]);
});

test("flags of this run's decisions are not kept", async () => {
  await written({ ...saved, services: [{ name: "a", instances: [instance("a", "a1", { leaving: true, kept: true })] }] });
  const [a] = (await read())?.services ?? [];
  expect(a?.instances[0]).toEqual(instance("a", "a1"));
});

test.each([
  ["cut off", '{"format":1,"answeredAt":"2026-01-01T00:00:00Z","servers":[],"services":[\n{"na', "JSON"],
  [
    "of another shape",
    '{"format":1,"answeredAt":"2026-01-01T00:00:00Z","servers":[],"services":[{"name":"a","instances":[{"node":"n"}]}]}',
    "$.services[0].instances[0].id",
  ],
  ["of a later version", '{"format":2}', "$.format is 2"],
  ["empty", "", "JSON"],
])("a file that is %s is moved aside with the reason, and the start goes on without it", async (_what, text, why) => {
  await writeFile(path, text);
  expect(await read()).toBeUndefined();
  expect(await readdir(dir)).toEqual([`catalog.json.corrupt-${clock.now()}`]);
  expect(await readFile(join(dir, `catalog.json.corrupt-${clock.now()}`), "utf8")).toBe(text);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ event: "state.corrupt", why: expect.stringContaining(why) });
});

test("the state of another data centre is not served", async () => {
  await written(saved);
  expect(await read("dc2")).toBeUndefined();
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ event: "state.foreign" });
});

test("many changes become one write, and a quiet hour refreshes the time in the file", async () => {
  const time = createTestClock();
  let writes = 0;
  const file = createCatalogFile({
    path,
    current: () => {
      writes++;
      return { ...saved, answeredAt: time.now() };
    },
    clock: time,
    log,
  });
  for (let i = 0; i < 50; i++) {
    file.changed();
    await time.advance(10);
  }
  await time.advance(catalogFileDelay.change);
  expect(writes).toBe(1);
  for (const minute of [1, 2, 3]) {
    await time.advance(catalogFileDelay.refresh);
    await expect.poll(() => writes).toBe(1 + minute);
  }
  await file.stop();
  expect((await read())?.answeredAt).toBe(time.now());
  expect(clock.pending).toBe(0);
});

test("nothing is written before there is a state worth keeping", async () => {
  await written(undefined);
  expect(await readdir(dir)).toEqual([]);
});

test("a directory that went away is one event, however often it fails", async () => {
  await rm(dir, { recursive: true });
  const file = createCatalogFile({ path, current: () => saved, clock, log });
  file.changed();
  await clock.advance(catalogFileDelay.change);
  await expect.poll(() => lines.length).toBe(1);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ event: "state.write-failed" });
  await file.stop();
  expect(lines.length).toBe(1);
});
