import { createLogger, Registry } from "@legation/runtime";
import { TypeUrl } from "@legation/xds";
import { expect, test } from "vitest";
import { createMetrics, type Readings } from "./metrics.js";
import { recordXdsEvent } from "./xds-log.js";

function scene(readings: Partial<Readings> = {}) {
  const all: Readings = {
    streams: 3,
    rejected: 1,
    quarantined: 0,
    services: 2,
    instances: 5,
    problems: 0,
    complete: true,
    connected: false,
    age: 1.5,
    layers: 4,
    agents: 2,
    listening: 2,
    leaving: 0,
    policiesRefused: false,
    policiesVersion: 7,
    replicas: 2,
    ...readings,
  };
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({ name: "test", level: "debug", destination: { write: (line: string) => lines.push(JSON.parse(line)) } });
  return { metrics: createMetrics(new Registry(), () => all), lines, log };
}

const stream = { stream: 1, node: "n1/web-1" };
const orders = { typeUrl: TypeUrl.cluster, name: "orders", version: "abc", bytes: new Uint8Array() };

test("figures are read at the scrape, and an age that nobody knows is left out", async () => {
  const text = await scene().metrics.text();
  expect(text).toContain("legation_xds_streams 3");
  expect(text).toContain("legation_consul_connected 0");
  expect(text).toContain("legation_consul_answer_age_seconds 1.5");
  expect(await scene({ age: undefined }).metrics.text()).not.toContain("legation_consul_answer_age_seconds 1");
});

test("whatever clients ask for, the labels of the figures stay few", async () => {
  const { metrics, log } = scene();
  for (let i = 0; i < 100; i++) {
    const typeUrl = `type.googleapis.com/invented.${i}`;
    recordXdsEvent({ kind: "push", ...stream, typeUrl, nonce: "1", resources: [orders], removed: [], bytes: 10 }, { metrics, log });
  }
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("legation_xds_pushes_total"));
  expect(lines).toEqual(['legation_xds_pushes_total{type="other"} 100']);
});

test("pushes and acknowledgements are counted by type, with resources and bytes", async () => {
  const { metrics, log } = scene();
  const response = { ...stream, typeUrl: TypeUrl.cluster, nonce: "1", resources: [orders, orders], removed: [] };
  recordXdsEvent({ kind: "push", ...response, bytes: 70 }, { metrics, log });
  recordXdsEvent({ kind: "ack", ...response, milliseconds: 3 }, { metrics, log });
  const text = await metrics.text();
  expect(text).toContain('legation_xds_resources_sent_total{type="cluster"} 2');
  expect(text).toContain('legation_xds_sent_bytes_total{type="cluster"} 70');
  expect(text).toContain('legation_xds_acks_total{type="cluster"} 1');
});

test("a refusal is an error in the log that names the proxy, the resource, its origin and the proxy's words", () => {
  const { metrics, log, lines } = scene();
  const provenance = { service: "orders", source: "policy/orders.yaml", path: "retries" };
  const nack = {
    kind: "nack",
    ...stream,
    typeUrl: TypeUrl.cluster,
    nonce: "1",
    message: "bad cluster",
    isolated: true,
    attempts: 1,
  } as const;
  recordXdsEvent({ ...nack, resources: [{ ...orders, provenance }] }, { metrics, log });
  expect(lines).toMatchObject([
    {
      level: "error",
      event: "xds.nack",
      node: "n1/web-1",
      resources: [{ name: "orders", version: "abc", provenance }],
      msg: "n1/web-1 refused cluster orders of orders (policy/orders.yaml at retries): bad cluster",
    },
  ]);
});

test("a refusal of something without an origin is logged all the same", () => {
  const { metrics, log, lines } = scene();
  const nack = { kind: "nack", ...stream, typeUrl: "t", nonce: "1", message: "no", isolated: false, attempts: 1 } as const;
  recordXdsEvent({ ...nack, resources: [{ ...orders, name: "x" }] }, { metrics, log });
  expect(lines[0]?.["msg"]).toBe("n1/web-1 refused other x of unknown origin: no");
});
