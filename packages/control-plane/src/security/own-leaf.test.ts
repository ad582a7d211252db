import type { Consul } from "@legation/consul";
import { createLogger, LegationError, Registry } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { SecurityReport } from "./events.js";
import { createOwnLeaf, type OwnCertificate } from "./own-leaf.js";

const uri = "spiffe://mesh.test/ns/default/dc/dc1/svc/legation-control-plane";

/** A Consul that answers the first question, and each later one when the test says what it has now. */
function scene(fail?: Error) {
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
    const kept = state[path.includes("/leaf/") ? "leaf" : "roots"];
    if (kept && index >= kept.index) await new Promise<void>((resolve) => kept.waits.push(resolve));
    return { data: kept?.data, index: kept?.index, knownLeader: true };
  };
  const seen: OwnCertificate[] = [];
  const events: SecurityReport[] = [];
  const metrics = new Registry();
  const own = createOwnLeaf({
    consul: { get } as unknown as Pick<Consul, "get">,
    onChange: (certificate) => void seen.push(certificate),
    events: { report: (event) => void events.push(event) },
    metrics,
    clock,
    log,
  });
  return { own, clock, lines, seen, events, metrics, leaf, change, hour };
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
