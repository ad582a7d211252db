/** What an Envoy holds beside what it was sent. */
import { type EnvoyConfig, endpointMark, type HeldResource } from "@legation/contract";
import { expect, test } from "vitest";
import { compareConfig, lasting, type SentConfig, type SentType } from "./drift.js";

const since = "2026-11-21T17:20:00.000Z";
const addresses = ["10.0.0.1:80", "10.0.0.2:80"];

function sentOf(type: SentType["type"], sent: Readonly<Record<string, string>>, more: Partial<SentType> = {}): SentType {
  return { type, sent, acknowledged: sent, rejected: [], outstanding: false, marks: {}, ...more };
}

/** What a caller of orders was sent, as a real Envoy held it. */
const types = {
  cluster: sentOf("cluster", { "inbound:application": "7ebe", orders: "d54b" }),
  endpoints: sentOf("endpoints", { orders: "580a" }, { marks: { orders: endpointMark(addresses) } }),
  listener: sentOf("listener", { inbound: "7099", outbound: "f55f" }),
  routes: sentOf("routes", { outbound: "7c59" }),
  extension: sentOf("extension", { "intentions/http/web": "b905" }),
  secret: sentOf("secret", { leaf: "9ff9", roots: "3cd4" }),
};
const sent: SentConfig = { versioned: true, types: Object.values(types) };

const held: EnvoyConfig["held"] = {
  cluster: [
    { name: "inbound:application", version: "7ebe" },
    { name: "orders", version: "d54b" },
  ],
  endpoints: [
    { name: "orders", version: endpointMark(addresses) },
    { name: "inbound:application", version: endpointMark(["127.0.0.1:8080"]) },
    { name: "legation:xds", version: endpointMark(["127.0.0.1:18000"]) },
  ],
  listener: [
    { name: "inbound", version: "7099" },
    { name: "inbound", version: "0a1b", state: "draining", since },
    { name: "outbound", version: "f55f" },
  ],
  routes: [{ name: "outbound", version: "7c59" }],
  extension: [{ name: "intentions/http/web", version: "b905" }],
  secret: [
    { name: "leaf", version: "9ff9" },
    { name: "roots", version: "3cd4" },
  ],
};

const compared = (wanted: SentConfig, rows: Partial<EnvoyConfig["held"]> = {}, leftOut = 0) =>
  compareConfig(wanted, { held: { ...held, ...rows }, leftOut });
const withType = (changed: SentType): SentConfig => ({
  ...sent,
  types: sent.types.map((one) => (one.type === changed.type ? changed : one)),
});
const kinds = (wanted: SentConfig, rows: Partial<EnvoyConfig["held"]> = {}, leftOut = 0) =>
  compared(wanted, rows, leftOut).differences.map(({ type, name, kind }) => `${type} ${name} ${kind}`);

test("an Envoy that holds what it was sent does not differ, whatever comes from files and whatever still drains", () => {
  expect(compared(sent)).toEqual({ compared: 9, pending: 0, differences: [] });
});

test.each<[string, Partial<EnvoyConfig["held"]>, string, string]>([
  [
    "missing",
    { cluster: [{ name: "inbound:application", version: "7ebe" }] },
    "cluster orders missing",
    "cluster orders: Envoy does not hold it; d54b was sent and acknowledged",
  ],
  [
    "of another version",
    { routes: [{ name: "outbound", version: "0000" }] },
    "routes outbound other-version",
    "routes outbound: Envoy holds version 0000; 7c59 was sent and acknowledged",
  ],
  [
    "extra",
    { listener: [...held.listener, { name: "odd", version: "1" }] },
    "listener odd extra",
    "listener odd: Envoy holds it in version 1, and it was not sent",
  ],
  [
    "warming for the first time",
    { cluster: [held.cluster[0] as HeldResource, { name: "orders", version: "d54b", state: "warming", since }] },
    "cluster orders warming",
    `cluster orders: warming since ${since}: Envoy has it, and waits for what it needs before it uses it`,
  ],
  [
    "warming beside what it was",
    {
      listener: [
        { name: "inbound", version: "7099" },
        { name: "outbound", version: "0001" },
        { name: "outbound", version: "f55f", state: "warming", since },
      ],
    },
    "listener outbound warming",
    `listener outbound: warming since ${since}: Envoy has it, and waits for what it needs before it uses it`,
  ],
  [
    "not in effect",
    {
      listener: [
        { name: "inbound", version: "7099", state: "failed", since, message: "cannot bind '203.0.113.7:20000'" },
        { name: "outbound", version: "f55f" },
      ],
    },
    "listener inbound failed",
    "listener inbound: Envoy could not put it into effect: cannot bind '203.0.113.7:20000'",
  ],
  [
    "sent elsewhere",
    { endpoints: [{ name: "orders", version: endpointMark(addresses.slice(1)) }] },
    "endpoints orders other-endpoints",
    "endpoints orders: Envoy holds 1 address; 2 were sent",
  ],
  [
    "sent to others",
    { endpoints: [{ name: "orders", version: endpointMark(["10.0.0.1:80", "10.0.0.9:80"]) }] },
    "endpoints orders other-endpoints",
    "endpoints orders: Envoy holds 2 addresses, and not those that were sent",
  ],
])("what is %s is told", (_, rows, kind, text) => {
  const { differences } = compared(sent, rows);
  expect(differences.map(({ type, name, kind: how }) => `${type} ${name} ${how}`)).toEqual([kind]);
  expect(differences[0]?.text).toBe(text);
});

test("what is on its way is no difference: neither what is not acknowledged yet, nor what is being removed", () => {
  const rows = { cluster: [...held.cluster, { name: "leaving", version: "1" }] };
  const changed = withType({ ...types.cluster, sent: { ...types.cluster.sent, orders: "new", fresh: "1" }, outstanding: true });
  expect(compared(changed, rows)).toMatchObject({ compared: 10, pending: 2, differences: [] });
  expect(kinds(sent, rows)).toEqual(["cluster leaving extra"]);
});

test("what the proxy refused is no difference: it holds the last good version, or nothing", () => {
  const refused = withType({ ...types.listener, sent: { outbound: "f55f" }, acknowledged: { outbound: "f55f" }, rejected: ["inbound"] });
  expect(kinds(refused)).toEqual([]);
  expect(
    kinds(refused, {
      listener: [
        { name: "inbound", version: "x", state: "failed" },
        { name: "outbound", version: "f55f" },
      ],
    }),
  ).toEqual([]);
});

test("what came on demand is expected like everything else that the stream was sent", () => {
  const demanded = withType(sentOf("cluster", { ...types.cluster.sent, payments: "aa" }));
  expect(kinds(demanded)).toEqual(["cluster payments missing"]);
  expect(kinds(demanded, { cluster: [...held.cluster, { name: "payments", version: "aa" }] })).toEqual([]);
});

test("a state-of-the-world stream is compared by names", () => {
  const rows = { cluster: held.cluster.map((row) => ({ ...row, version: "4711" })) };
  expect(kinds(sent, rows)).toHaveLength(2);
  expect(kinds({ ...sent, versioned: false }, rows)).toEqual([]);
});

test("nothing is called missing where the dump was cut", () => {
  expect(kinds(sent, { secret: [] }, 2)).toEqual([]);
  expect(kinds(sent, { secret: [] })).toEqual(["secret leaf missing", "secret roots missing"]);
});

test("a difference lasts that is there at two looks with the same version", () => {
  const look = (version: string) => compared(withType(sentOf("routes", { outbound: version }))).differences;
  expect(lasting(look("1"), look("1"))).toHaveLength(1);
  expect(lasting(look("1"), look("2"))).toEqual([]);
});
