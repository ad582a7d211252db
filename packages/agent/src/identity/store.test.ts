import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "@legation/runtime";
import { afterEach, describe, expect, it } from "vitest";
import type { KeptState } from "../state-dir.js";
import { createIssuer } from "../testing/issuer.js";
import { placeFor } from "./directory.js";
import { createCertificateStore } from "./store.js";

const issuer = createIssuer();
const day = 24 * 3_600_000;
const set = { leaf: issuer.leaf("orders", Date.now() - day, Date.now() + day), roots: [issuer.root.trim()] };

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "legation-store-"));
  folders.push(made);
  return made;
}

async function storeIn(place: string, path = folder(), now = Date.now(), mounts = "mnt:[1]") {
  let kept: KeptState = {};
  const store = createCertificateStore({
    stateDir: {
      path,
      get kept() {
        return kept;
      },
      keep(patch) {
        kept = { ...kept, ...patch };
      },
    },
    place: async () => ({ path: place, inMemory: true }),
    clock: { now: () => now },
    mounts,
    log: createLogger({ name: "test", level: "error" }),
  });
  await store.prepare();
  return { store, path };
}

describe("the directory of an instance's certificates", () => {
  it("is its user's alone, stays the same, and is found again", async () => {
    const { store } = await storeIn(folder());
    expect(store.saved()).toBeUndefined();
    const directory = store.write(set);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(store.write(set)).toBe(directory);
    expect(store.saved()).toEqual({ ...set, directory });
  });

  it("is another one when it is gone, or open to others, so that Envoy starts anew with a directory that it can watch", async () => {
    const { store } = await storeIn(folder());
    const one = store.write(set);
    rmSync(one, { recursive: true });
    const two = store.write(set);
    expect(two).not.toBe(one);
    chmodSync(two, 0o755);
    expect(store.saved()).toBeUndefined();
    expect(store.write(set)).not.toBe(two);
  });

  it("goes with the state directory that it belongs to, and a week after its certificate", async () => {
    const place = folder();
    const gone = await storeIn(place);
    const lost = gone.store.write(set);
    const stays = (await storeIn(place)).store.write(set);
    rmSync(gone.path, { recursive: true });
    (await storeIn(place)).store.write(set);
    expect([existsSync(lost), existsSync(stays)]).toEqual([false, true]);
    (await storeIn(place, folder(), Date.now() + 9 * day)).store.write(set);
    expect(existsSync(stays)).toBe(false);
  });
});

describe("directories of several instances in one place", () => {
  it("are left alone while they are being made, and begin to say whose they are", async () => {
    const place = folder();
    const young = mkdtempSync(join(place, "legation-certificates-"));
    for (const file of ["mount-namespace", "state-directory"]) {
      writeFileSync(join(young, file), file === "mount-namespace" ? "mnt:[1]\n" : "");
      (await storeIn(place)).store.write(set);
      expect(existsSync(young)).toBe(true);
    }
  });

  it("are left alone by those who cannot see each other's state directories, as containers of one pod", async () => {
    const place = folder();
    const hidden = await storeIn(place, folder(), Date.now(), "mnt:[2]");
    const directory = hidden.store.write(set);
    rmSync(hidden.path, { recursive: true });
    (await storeIn(place)).store.write(set);
    expect(existsSync(directory)).toBe(true);
    (await storeIn(place, folder(), Date.now() + 9 * day)).store.write(set);
    expect(existsSync(directory)).toBe(false);
  });
});

describe("the place for it", () => {
  const tmpfs = 0x01021994;
  const choose = (types: Record<string, number>, env: Record<string, string> = {}, readsDevices = true) =>
    placeFor({ env, stateDir: "/state", readsDevices: async () => readsDevices, fileSystem: (path) => types[path] });

  it.each([
    ["systemd's runtime directory", { "/run/a": tmpfs, "/run": tmpfs }, { RUNTIME_DIRECTORY: "/run/a:/run/b" }, "/run/a"],
    ["the user's", { "/run/user/7": tmpfs, "/dev/shm": tmpfs }, { XDG_RUNTIME_DIR: "/run/user/7" }, "/run/user/7"],
    ["/run", { "/run": tmpfs, "/dev/shm": tmpfs }, { XDG_RUNTIME_DIR: "/run/user/7" }, "/run"],
    ["shared memory where nothing else is in memory", { "/run": 0xef53, "/dev/shm": tmpfs }, {}, "/dev/shm"],
    ["the state directory where nothing is", { "/run": 0xef53 }, {}, "/state"],
  ])("is %s", async (_, types, env, path) => {
    expect(await choose(types, env)).toEqual({ path, inMemory: path !== "/state" });
  });

  it("is never below /dev for an Envoy that does not read there", async () => {
    expect(await choose({ "/dev/shm": tmpfs }, {}, false)).toEqual({ path: "/state", inMemory: false });
  });
});
