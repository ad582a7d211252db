import { create } from "@bufbuild/protobuf";
import { encodeNodeMetadata, type NodeMetadata } from "@legation/contract";
import { type Node, NodeSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import type { StreamOpened } from "@legation/xds";
import { expect, test } from "vitest";
import { sidecarOf } from "../testing/sidecar.js";
import { createNodes, mostDependencies, returnTime } from "./nodes.js";
import type { NodePlace } from "./views.js";

const web = sidecarOf("web", ["orders"]);

function node(id: string, metadata: NodeMetadata | undefined, zone = "a"): Node {
  const legation = metadata && (encodeNodeMetadata(metadata) as Record<string, string>);
  return create(NodeSchema, { id, locality: { zone }, ...(legation ? { metadata: { legation } } : {}) });
}

function scene(ready = true) {
  const clock = createTestClock();
  const log: { event: string; msg: string }[] = [];
  const claims: { service: string; place: NodePlace; released: boolean }[] = [];
  const nodes = createNodes({
    reconciler: {
      claim(metadata, place) {
        const claim = { service: metadata.service, place, released: false };
        claims.push(claim);
        if (metadata.service === "poison") throw new Error("poison");
        const problems = metadata.dependencies.map(
          ({ name }) => ({ code: "dependency-unknown", service: metadata.service, message: `${name} is not registered` }) as const,
        );
        const release = () => {
          claim.released = true;
        };
        return { view: { layers: [metadata.service] }, clusters: metadata.dependencies.map((d) => d.name), problems, release };
      },
    },
    ready: () => ready,
    clock,
    log: createLogger({ name: "test", destination: { write: (line: string) => log.push(JSON.parse(line)) } }),
  });
  const open = (stream: number, description: Node): StreamOpened => {
    const event: StreamOpened = { kind: "stream-open", stream, node: description.id, peer: "p", variant: "delta", description };
    nodes.take(event);
    return event;
  };
  return { clock, nodes, log, claims, open };
}

test("a stream holds its layers from its opening to its end, wherever it is", () => {
  const { nodes, claims, open } = scene();
  open(1, node("n1/web-1", web, "b"));
  expect(claims).toEqual([{ service: "web", place: { region: "", zone: "b" }, released: false }]);
  expect(nodes.get(1)).toMatchObject({ service: "web", kind: "sidecar", resourcesSent: 0 });
  nodes.take({ kind: "stream-close", stream: 1, node: "n1/web-1", peer: "p", reason: "gone" });
  expect(claims[0]?.released).toBe(true);
  expect(nodes.get(1)).toBeUndefined();
});

test("a node gets its view when there is a state, and waits before", () => {
  expect(scene(true).nodes.view(node("n1/web-1", web))).toEqual({ layers: ["web"] });
  expect(scene(false).nodes.view(node("n1/web-1", web))).toBeUndefined();
});

test.each([
  ["without metadata", undefined],
  ["of another version", { ...web, api: 2 } as unknown as NodeMetadata],
])("a node %s waits, and the log says what its bootstrap lacks", (_what, metadata) => {
  const { nodes, log, open } = scene();
  open(1, node("n1/x", metadata));
  expect(nodes.view(node("n1/x", metadata))).toBeUndefined();
  expect(log).toMatchObject([{ event: "node.unknown", msg: expect.stringContaining("node.metadata.legation") }]);
});

test("two streams of one node are one subscriber", () => {
  const { nodes, open } = scene();
  open(1, node("n1/web-1", web));
  open(2, node("n1/web-1", web));
  open(3, node("n1/web-2", web));
  open(4, node("n1/admin-1", { ...web, service: "admin", dependencies: [] }));
  expect(nodes.subscribers("orders")).toBe(2);
  expect(nodes.subscribers("payments")).toBe(0);
});

test("a proxy whose last stream ended is expected back for a while, for the services that it called", async () => {
  const { clock, nodes, open } = scene();
  const end = (stream: number) => nodes.take({ kind: "stream-close", stream, node: "n1/web-1", peer: "p", reason: "gone" });
  open(1, node("n1/web-1", web));
  open(2, node("n1/web-1", web));
  end(1);
  expect(nodes.returning("orders")).toEqual([]);
  end(2);
  expect(nodes.returning("orders")).toEqual([returnTime]);
  expect(nodes.returning("payments")).toEqual([]);
  open(3, node("n1/web-1", web));
  expect(nodes.returning("orders")).toEqual([]);
  end(3);
  await clock.advance(returnTime);
  expect(nodes.returning("orders")).toEqual([]);
});

test("resources sent are counted by stream and altogether, and outlive the stream only in the total", () => {
  const { nodes, open } = scene();
  open(1, node("n1/web-1", web));
  const resource = { typeUrl: "t", name: "orders", version: "1", bytes: new Uint8Array() };
  const push = { kind: "push", stream: 1, node: "n1/web-1", typeUrl: "t", nonce: "1", removed: [], bytes: 9 } as const;
  nodes.take({ ...push, resources: [resource, resource] });
  nodes.take({ ...push, resources: [resource] });
  expect(nodes.get(1)?.resourcesSent).toBe(3);
  nodes.take({ kind: "stream-close", stream: 1, node: "n1/web-1", peer: "p", reason: "gone" });
  expect(nodes.resourcesSent).toBe(3);
  expect(nodes.problems()).toEqual([]);
});

test("a node that names thousands of dependencies, or cannot be compiled, gets nothing and takes nobody along", () => {
  const { nodes, log, open } = scene();
  const many = Array.from({ length: mostDependencies + 1 }, (_, i) => ({ name: `s${i}`, optional: false }));
  open(1, node("n1/greedy", { ...web, dependencies: many }));
  open(2, node("n1/poison", { ...web, service: "poison" }));
  expect(nodes.view(node("n1/poison", { ...web, service: "poison" }))).toBeUndefined();
  expect([nodes.get(1), nodes.get(2)]).toEqual([undefined, undefined]);
  expect(log.map(({ msg }) => msg)).toEqual([
    expect.stringContaining("names 2001 dependencies, and at most 2000"),
    expect.stringContaining("cannot be compiled: poison"),
  ]);
});

test("what is wrong with a node is one line in the log, however much it is", () => {
  const { log, open } = scene();
  open(1, node("n1/web-1", { ...web, dependencies: Array.from({ length: 100 }, (_, i) => ({ name: `s${i}`, optional: false })) }));
  expect(log).toMatchObject([{ event: "node.problem", msg: expect.stringMatching(/^n1\/web-1: .*; and 95 more$/) }]);
});
