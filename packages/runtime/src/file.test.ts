import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { writeFileAtomic } from "./file.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "legation-file-"));
});
afterEach(() => rm(folder, { recursive: true }));

it("replaces a file and leaves nothing beside it", async () => {
  const path = join(folder, "state.json");
  await writeFileAtomic(path, "old");
  await writeFileAtomic(path, new Uint8Array([110, 101, 119]));
  expect(await readFile(path, "utf8")).toBe("new");
  expect(await readdir(folder)).toEqual(["state.json"]);
});

it("sets the mode exactly, also over a file that had another", async () => {
  const path = join(folder, "key.pem");
  await writeFile(path, "old");
  await chmod(path, 0o644);
  await writeFileAtomic(path, "secret", { mode: 0o600 });
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

it("keeps the old file and cleans up when the new one cannot take its place", async () => {
  const path = join(folder, "taken");
  await mkdir(path);
  await writeFile(join(path, "inside"), "x");
  await expect(writeFileAtomic(path, "data")).rejects.toMatchObject({ code: expect.stringMatching(/EISDIR|ENOTEMPTY|EEXIST/) });
  expect(await readdir(folder)).toEqual(["taken"]);
});

it("shows readers the whole old or the whole new file, never a part", async () => {
  const path = join(folder, "data");
  const versions = ["a", "b"].map((letter) => letter.repeat(200_000));
  await writeFileAtomic(path, versions[0] ?? "");
  const writers = Array.from({ length: 20 }, (_, i) => writeFileAtomic(path, versions[i % 2] ?? ""));
  const readers = Array.from({ length: 50 }, () => readFile(path, "utf8"));
  for (const text of await Promise.all(readers)) expect(versions).toContain(text);
  await Promise.all(writers);
  expect(await readdir(folder)).toEqual(["data"]);
});

it("says what is wrong when the folder does not exist", async () => {
  await expect(writeFileAtomic(join(folder, "none", "data"), "x")).rejects.toMatchObject({ code: "ENOENT" });
});
