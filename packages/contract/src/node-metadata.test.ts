import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeNodeMetadata, encodeNodeMetadata, instanceKey, type NodeMetadata, splitAddress } from "./node-metadata.js";

const name = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  name,
);
const address = fc.tuple(host, fc.integer({ min: 1, max: 65_535 })).map(([h, port]) => `${h}:${port}`);
const described = fc.record({
  api: fc.constant(1 as const),
  service: name,
  kind: fc.constantFrom("sidecar" as const, "gateway" as const, "grpc" as const),
  inbound: address,
  app: address,
  outbound: address,
  protocol: fc.constantFrom("http" as const, "http2" as const, "grpc" as const, "tcp" as const),
  dependencies: fc.array(
    fc.record({ name, optional: fc.boolean(), port: fc.integer({ min: 1, max: 65_535 }) }, { requiredKeys: ["name", "optional"] }),
    { maxLength: 20 },
  ),
});
const metadata: fc.Arbitrary<NodeMetadata> = fc.oneof(
  described,
  fc.tuple(described, fc.stringMatching(/^\/[a-z/ ]{0,30}$/)).map(([node, certificates]) => ({ ...node, certificates })),
);
const valid = { api: 1, service: "web", inbound: "10.0.0.1:20000", app: "127.0.0.1:3000" };

describe("a node's metadata", () => {
  it("reads back as it was written, also through JSON", () => {
    fc.assert(
      fc.property(metadata, (value) => {
        expect(decodeNodeMetadata(JSON.parse(JSON.stringify(encodeNodeMetadata(value))))).toEqual(value);
      }),
    );
  });

  it("needs no more than a service and its two addresses", () => {
    expect(decodeNodeMetadata(valid)).toEqual({
      ...valid,
      kind: "sidecar",
      outbound: "127.0.0.1:15001",
      protocol: "http",
      dependencies: [],
    });
  });

  it("needs no addresses for a gRPC application", () => {
    expect(decodeNodeMetadata({ api: 1, service: "web", kind: "grpc", dependencies: ["orders"] })).toMatchObject({ inbound: "", app: "" });
  });

  it.each([
    [undefined, /missing/],
    [null, /missing/],
    [{ ...valid, api: 2 }, /api is 2/],
    [{ ...valid, service: "" }, /service must be/],
    [{ ...valid, kind: "proxy" }, /use sidecar, gateway or grpc/],
    [{ ...valid, inbound: undefined }, /inbound must be host:port/],
    [{ ...valid, app: "127.0.0.1" }, /app must be host:port, got "127.0.0.1"/],
    [{ ...valid, outbound: 15001 }, /outbound must be host:port/],
    [{ ...valid, protocol: "udp" }, /use http, http2, grpc or tcp/],
    [{ ...valid, dependencies: "orders" }, /list of service names/],
    [{ ...valid, dependencies: [1] }, /list of service names/],
    [{ ...valid, dependencies: ["?"] }, /list of service names/],
    [{ ...valid, certificates: "certificates" }, /certificates must be an absolute path/],
  ])("says what is wrong with %j", (value, message) => {
    expect(decodeNodeMetadata(value)).toMatch(message);
  });

  it("never throws, whatever a client sends", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(["string", "object"]).toContain(typeof decodeNodeMetadata(value));
      }),
    );
  });
});

describe("an address", () => {
  it.each([
    ["10.0.0.1:80", { host: "10.0.0.1", port: 80 }],
    ["[::1]:65535", { host: "::1", port: 65_535 }],
    ["orders.internal:1", { host: "orders.internal", port: 1 }],
  ])("splits %s", (value, parts) => expect(splitAddress(value)).toEqual(parts));

  it.each(["", ":80", "host", "host:", "host:0", "host:65536", "host:0x50", "host: 80", "host:1e3", "::1", "::1:80", "[]:80", "[::1]"])(
    "refuses %j",
    (value) => expect(splitAddress(value)).toBeUndefined(),
  );
});

describe("an instance's key", () => {
  it("tells equal IDs on two nodes apart", () => {
    expect(instanceKey("a", "web-1")).not.toBe(instanceKey("b", "web-1"));
  });
});
