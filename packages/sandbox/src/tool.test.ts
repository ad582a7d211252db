import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { consulVersions, findConsul, findEnvoy } from "./tool.js";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "legation-tool-"));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function program(path: string, says: string): string {
  const full = join(dir, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, `#!/bin/sh\necho '${says}'\n`);
  chmodSync(full, 0o755);
  return full;
}
const envoySays = (version: string) => `envoy  version: 0123abcd/${version}/Clean/RELEASE/BoringSSL`;

describe("finding Envoy", () => {
  it("takes ENVOY_BIN first, then PATH, then the set-up's", () => {
    const root = join(dir, "order");
    const own = program("order/.tools/envoy-1.40.0/envoy/_bin/envoy", envoySays("1.40.0"));
    const onPath = program("order/bin/envoy", envoySays("1.39.1"));
    const named = program("order/named", envoySays("1.38.2"));
    const PATH = dirname(onPath);
    expect(findEnvoy({ root, env: { PATH, ENVOY_BIN: named } })).toEqual({ path: named, version: "1.38.2" });
    expect(findEnvoy({ root, env: { PATH } })).toEqual({ path: onPath, version: "1.39.1" });
    expect(findEnvoy({ root, env: {} })).toEqual({ path: own, version: "1.40.0" });
  });

  it("passes one on PATH that is too old", () => {
    const root = join(dir, "old");
    const own = program("old/.tools/envoy-1.40.0/envoy/_bin/envoy", envoySays("1.40.0"));
    const old = program("old/bin/envoy", envoySays("1.9.1"));
    expect(findEnvoy({ root, env: { PATH: dirname(old) } }).path).toBe(own);
  });

  it("says where it looked, what was wrong, and how to get it", () => {
    const old = program("none/bin/envoy", envoySays("1.9.1"));
    const look = () => findEnvoy({ root: join(dir, "none"), env: { PATH: dirname(old) } });
    expect(look).toThrow('or run "npm run setup"');
    expect(look).toThrow(`${old} (1.9.1; 1.30.0 or later is needed)`);
  });
});

describe("finding Consul", () => {
  it("takes exactly the wanted version, wherever it is", () => {
    const root = join(dir, "consul");
    const newest = program("consul/.tools/consul-1.19.2/consul", "Consul v1.19.2");
    const oldest = program("consul/.tools/consul-1.8.7/usr/bin/consul", "Consul v1.8.7");
    expect(findConsul({ root, env: {} })).toEqual({ path: newest, version: "1.19.2" });
    expect(findConsul({ root, env: { CONSUL_BIN: newest }, wanted: "1.8.7" })).toEqual({ path: oldest, version: "1.8.7" });
    expect(consulVersions({ root, env: {} })).toEqual(["1.19.2", "1.8.7"]);
    rmSync(oldest);
    expect(consulVersions({ root, env: {} })).toEqual(["1.19.2"]);
  });
});
