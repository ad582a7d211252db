import type { Consul } from "@legation/consul";
import { createLogger, LegationError, Registry } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { KeptLeaf } from "../state/own-leaf-file.js";
import { createTestEvents } from "../testing/events.js";
import type { SecurityReport } from "./events.js";
import { createOwnLeaf, keptLeafWait, type OwnCertificate } from "./own-leaf.js";

const uri = "spiffe://mesh.test/ns/default/dc/dc1/svc/legation-control-plane";

/** A Consul that answers the first question, and each later one when the test says what it has now. */
function scene(fail?: Error, { kept, silent = false }: { readonly kept?: KeptLeaf; readonly silent?: boolean } = {}) {
  const clock = createTestClock();
  const lines: { event: string; level: string }[] = [];
  const log = createLogger({ name: "t", level: "info", destination: { write: (line: string) => void lines.push(JSON.parse(line)) } });
  const hour = 3_600_000;
  const leaf = (serial: string) => ({
    ...{ SerialNumber: serial, CertPEM: `cert ${serial}`, PrivateKeyPEM: `key ${serial}`, Service: "", ServiceURI: uri },
    ValidAfter: new Date(clock.now()).toISOString(),
    ValidBefore: new Date(clock.now() + 72 * hour).toISOString(),
  });
  const state: Record<string, { data: unknown; index: number; waits: (() => void)[] }> = {
    leaf: { data: leaf("1"), index: 1, waits: [] },
    roots: { data: { TrustDomain: "mesh.test", Roots: [{ ID: "a", RootCert: "root a" }] }, index: 1, waits: [] },
  };
  if (silent) state["silent"] = { data: undefined, index: 0, waits: [] };
  const answer = async () => {
    const waits = state["silent"]?.waits ?? [];
    delete state["silent"];
    for (const wake of waits) wake();
    await clock.advance(0);
  };
  const change = async (what: "leaf" | "roots", data: unknown) => {
    const kept = state[what];
    if (!kept) return;
    kept.data = data;
    kept.index += 1;
    for (const wake of kept.waits.splice(0)) wake();
    await clock.advance(0);
  };
  const get = async (path: string, { index = 0 } = {}) => {
    if (fail) throw fail;
    if (state["silent"]) await new Promise<void>((resolve) => state["silent"]?.waits.push(resolve));
    const kept = state[path.includes("/leaf/") ? "leaf" : "roots"];
    if (kept && index >= kept.index) await new Promise<void>((resolve) => kept.waits.push(resolve));
    return { data: kept?.data, index: kept?.index, knownLeader: true };
  };
  const seen: OwnCertificate[] = [];
  const keep: KeptLeaf[] = [];
  const events: SecurityReport[] = [];
  const metrics = new Registry();
  const own = createOwnLeaf({
    consul: { get } as unknown as Pick<Consul, "get">,
    onChange: (certificate) => void seen.push(certificate),
    kept,
    keep: (newest) => void keep.push(newest),
    events: { report: (event) => void events.push(event) },
    teller: createTestEvents(clock),
    metrics,
    clock,
    log,
  });
  return { own, clock, lines, seen, keep, events, metrics, leaf, change, answer, hour };
}

test("the certificate comes with all roots, and each new leaf or root is passed on", async () => {
  const { own, clock, seen, lines, leaf, change, metrics } = scene();
  own.start();
  await clock.advance(0);
  expect(own.current()).toEqual({
    identity: { trustDomain: "mesh.test", namespace: "default", datacenter: "dc1", service: "legation-control-plane" },
    tls: { key: "key 1", cert: "cert 1", ca: "root a\n" },
  });
  await change("roots", {
    TrustDomain: "mesh.test",
    Roots: [
      { ID: "a", RootCert: "root a" },
      { ID: "b", RootCert: "root b" },
    ],
  });
  await change("leaf", leaf("2"));
  expect(seen.at(-1)?.tls).toEqual({ key: "key 2", cert: "cert 2", ca: "root a\nroot b\n" });
  expect(lines.map(({ event }) => event)).toEqual(["tls.certificate", "tls.roots-changed", "tls.renewed"]);
  expect(JSON.stringify(lines)).not.toContain("key 2");
  expect(await metrics.metrics()).toMatch(/legation_certificate_expiry_timestamp_seconds \d{10}/);
  own.stop();
  expect(clock.pending).toBe(0);
});

test("a certificate that is not renewed is an event before it ends", async () => {
  const { own, clock, events, change, leaf, hour } = scene();
  own.start();
  await clock.advance(40 * hour);
  await change("leaf", leaf("2"));
  await clock.advance(68 * hour);
  expect(events).toEqual([]);
  await clock.advance(hour);
  expect(events).toMatchObject([{ kind: "certificate-expiring", subject: uri }]);
  own.stop();
});

test.each([
  ["consul.no-connect", "info", "tls.off"],
  ["consul.forbidden", "warn", "tls.no-certificate"],
])("%s is said once, with what to do", async (code, level, event) => {
  const { own, clock, lines, seen, metrics } = scene(new LegationError(code, "do this"));
  own.start();
  await clock.advance(300_000);
  expect(lines).toMatchObject([{ level, event, msg: expect.stringContaining("do this") }]);
  expect([own.current(), seen]).toEqual([undefined, []]);
  expect(await metrics.metrics()).not.toMatch(/expiry_timestamp_seconds \d/);
  own.stop();
});

const hour = 3_600_000;
const kept: KeptLeaf = {
  leaf: {
    ...{ SerialNumber: "0", CertPEM: "cert 0", PrivateKeyPEM: "key 0", Service: "legation-control-plane", ServiceURI: uri },
    ...{ ValidAfter: new Date(0).toISOString(), ValidBefore: new Date(24 * hour).toISOString() },
  },
  roots: "root before\n",
};

test("what was kept is used while Consul says nothing, and no longer", async () => {
  const { own, clock, seen, keep, answer, lines } = scene(undefined, { kept, silent: true });
  own.start();
  await clock.advance(keptLeafWait - 1);
  expect(own.current()).toBeUndefined();
  await clock.advance(1);
  expect(own.current()?.tls).toEqual({ key: "key 0", cert: "cert 0", ca: "root before\n" });
  await answer();
  expect(own.current()?.tls).toEqual({ key: "key 1", cert: "cert 1", ca: "root a\n" });
  expect(keep.at(-1)).toMatchObject({ leaf: { SerialNumber: "1" }, roots: "root a\n" });
  await clock.advance(keptLeafWait);
  expect(seen.at(-1)?.tls.cert).toBe("cert 1");
  expect(lines.filter(({ event }) => event === "tls.kept")).toHaveLength(1);
  expect(JSON.stringify(lines)).not.toMatch(/key [01]/);
  own.stop();
  expect(clock.pending).toBe(0);
});

test("what was kept is not used where Consul answers at once", async () => {
  const { own, clock, seen, lines } = scene(undefined, { kept });
  own.start();
  await clock.advance(2 * keptLeafWait);
  expect(seen.map(({ tls }) => tls.cert)).toEqual(["cert 1"]);
  expect(lines.map(({ event }) => event)).toEqual(["tls.certificate"]);
  own.stop();
});

test.each([
  ["consul.unreachable", "cert 0"],
  ["consul.no-connect", undefined],
])("after %s what was kept is %s", async (code, cert) => {
  const { own, clock, events } = scene(new LegationError(code, "why"), { kept });
  own.start();
  await clock.advance(0);
  expect(own.current()?.tls.cert).toBe(cert);
  await clock.advance(23 * hour);
  expect(events.map(({ kind }) => kind)).toEqual(cert ? ["certificate-expiring"] : []);
  own.stop();
  expect(clock.pending).toBe(0);
});

test("a CA that is still being set up is asked anew, and is not waited for as long as a query blocks", async () => {
  const { own, clock, change } = scene();
  await change("roots", { TrustDomain: "", Roots: null });
  own.start();
  await clock.advance(0);
  expect(own.current()).toBeUndefined();
  // What Consul has by now came without another index.
  await change("roots", { TrustDomain: "mesh.test", Roots: [{ ID: "c", RootCert: "root c" }] });
  await clock.advance(1_000);
  expect(own.current()?.tls.ca).toBe("root c\n");
});
