import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@legation/runtime";
import { createTestAuthority, createTestClock } from "@legation/runtime/testing";
import { afterEach, expect, test } from "vitest";
import { createOwnLeafFile, type KeptLeaf, readOwnLeaf } from "./own-leaf-file.js";

const authority = createTestAuthority();
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function keptFor(service: string, datacenter = "dc1"): KeptLeaf {
  const ServiceURI = `spiffe://mesh.test/ns/default/dc/${datacenter}/svc/${service}`;
  const { key, cert } = authority.issue([ServiceURI]);
  const { validFrom, validTo, serialNumber } = new X509Certificate(cert);
  const leaf = { SerialNumber: serialNumber, CertPEM: cert, PrivateKeyPEM: key, Service: service, ServiceURI };
  return { leaf: { ...leaf, ValidAfter: validFrom, ValidBefore: validTo }, roots: authority.ca };
}

const own = keptFor("legation-control-plane");
const day = 86_400_000;

/** A state directory in which that is kept. */
async function scene(kept: KeptLeaf = own) {
  const dir = await mkdtemp(join(tmpdir(), "legation-own-leaf-"));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  const lines: string[] = [];
  const log = createLogger({ name: "t", level: "info", destination: { write: (line: string) => void lines.push(line) } });
  const file = createOwnLeafFile(dir, log);
  file.save(kept);
  await file.stop();
  const path = join(dir, "own-leaf.json");
  const read = (now = Date.now(), datacenter = "dc1") => readOwnLeaf(dir, { datacenter, clock: createTestClock(now), log });
  return { dir, path, read, lines };
}

test("what is kept is read again, and only its owner may", async () => {
  const { path, read } = await scene();
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await read()).toEqual(own);
});

test("one that has ended, is not valid yet, or is not this control plane's is not used", async () => {
  const { read } = await scene();
  expect(await read(Date.now() + 3 * day)).toBeUndefined();
  expect(await read(Date.now() - day)).toBeUndefined();
  expect(await read(Date.now(), "dc2")).toBeUndefined();
  expect(await (await scene(keptFor("web"))).read()).toBeUndefined();
});

test("a key that is not the certificate's, or half a file, is moved aside, and no word of it is logged", async () => {
  const other = keptFor("legation-control-plane").leaf.PrivateKeyPEM;
  const foreign = await scene({ ...own, leaf: { ...own.leaf, PrivateKeyPEM: other } });
  expect(await foreign.read()).toBeUndefined();
  const torn = await scene();
  await writeFile(torn.path, (await readFile(torn.path, "utf8")).slice(0, 900));
  expect(await torn.read()).toBeUndefined();
  for (const { dir, lines } of [foreign, torn]) {
    expect(await readdir(dir)).toEqual([expect.stringMatching(/^own-leaf\.json\.corrupt-\d+$/)]);
    expect(lines.join("")).toContain('"event":"state.corrupt"');
    expect(lines.join("")).not.toContain("PRIVATE");
  }
});

test("without a file there is nothing to use", async () => {
  const { path, read, lines } = await scene();
  await rm(path);
  expect([await read(), lines]).toEqual([undefined, []]);
});
