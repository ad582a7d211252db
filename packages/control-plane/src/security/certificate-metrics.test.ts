import { Registry } from "@legation/runtime";
import { createTestAuthority } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import { addCertificateMetrics } from "./certificate-metrics.js";

const second = 1_000;

function scene() {
  const registry = new Registry();
  const said: { leafEnd?: string; roots?: string } = {};
  addCertificateMetrics(registry, { leafEnd: () => said.leafEnd, roots: () => said.roots });
  const value = async (name: string) => {
    const found = new RegExp(`^legation_${name}_expiry_timestamp_seconds (\\S+)$`, "m").exec(await registry.metrics());
    return found && Number(found[1]);
  };
  return { said, value };
}

test("without certificates there are no rows", async () => {
  const { said, value } = scene();
  expect([await value("certificate"), await value("root_certificate")]).toEqual([null, null]);
  said.roots = "no certificate at all";
  expect(await value("root_certificate")).toBeNull();
});

test("the leaf's end and the last root's are told, and a new root counts at once", async () => {
  const { said, value } = scene();
  said.leafEnd = "2030-01-01T00:00:00Z";
  expect(await value("certificate")).toBe(Date.parse(said.leafEnd) / second);
  const authority = createTestAuthority();
  const now = Math.floor(Date.now() / second) * second;
  const [first, last] = [60_000, 120_000].map((ms) => authority.issue([], { from: now - second, until: now + ms }).cert);
  said.roots = `${last}${first}`;
  expect(await value("root_certificate")).toBe((now + 120_000) / second);
  said.roots = `${first}`;
  expect(await value("root_certificate")).toBe((now + 60_000) / second);
});
