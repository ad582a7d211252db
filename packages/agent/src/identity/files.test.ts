import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateFiles } from "@legation/contract";
import { afterEach, expect, it } from "vitest";
import { readCertificates, secretsOf, writeCertificates } from "./files.js";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});
function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "legation-files-"));
  directories.push(made);
  return made;
}

const root = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----`;
const set = (n: number) => ({ leaf: { chain: `chain ${n}\n`, key: `key ${n}\n` }, roots: [root(`${n}`), root("old")] });
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

it("are readable under their names, the key by its user alone, and found again by the next agent", () => {
  const at = directory();
  writeCertificates(at, set(1));
  writeCertificates(at, set(2));
  expect(readFileSync(join(at, certificateFiles.leaf), "utf8")).toBe("chain 2\n");
  expect(readFileSync(join(at, certificateFiles.key), "utf8")).toBe("key 2\n");
  expect(readFileSync(join(at, certificateFiles.roots), "utf8")).toBe(`${root("2")}\n${root("old")}\n`);
  expect(mode(join(at, certificateFiles.key))).toBe("600");
  expect(readCertificates(at)).toEqual(set(2));
});

it("keep one version beside the present one, and no more", () => {
  const at = directory();
  for (const n of [1, 2, 3, 4, 5]) writeCertificates(at, set(n));
  expect(readFileSync(join(at, "current", certificateFiles.leaf), "utf8")).toBe("chain 5\n");
  const keys = statSync(at).nlink - 2;
  expect(keys).toBe(2);
});

it("hold the secrets for Envoy as files that name files and the directory to watch, and no key", () => {
  const at = directory();
  writeCertificates(at, set(1));
  for (const [name, text] of Object.entries(secretsOf(at))) {
    expect(readFileSync(join(at, name), "utf8")).toBe(text);
    expect(text).not.toContain("key 1");
    expect(JSON.parse(text).resources[0]).toMatchObject({ "@type": expect.stringMatching(/tls\.v3\.Secret$/) });
  }
});

it("are as good as absent when something is missing", () => {
  const at = directory();
  expect(readCertificates(at)).toBeUndefined();
  writeCertificates(at, set(1));
  rmSync(join(at, "current", certificateFiles.key));
  expect(readCertificates(at)).toBeUndefined();
});

it("stay those of the version before when another one cannot be put into place, and nothing of that one is left", () => {
  const at = directory();
  writeCertificates(at, set(1));
  const before = readdirSync(at);
  mkdirSync(join(at, ".current.new"));
  for (let turn = 0; turn < 3; turn++) expect(() => writeCertificates(at, set(2))).toThrow();
  rmSync(join(at, ".current.new"), { recursive: true });
  expect(readdirSync(at)).toEqual(before);
  expect(readCertificates(at)).toEqual(set(1));
});
