import { ConfigError } from "@legation/runtime";
import { describe, expect, it } from "vitest";
import { type Container, containerOf, eventOf } from "./container.js";
import { defineContainer } from "./definition.js";

const surroundings = { env: { SERVICE_NAME: "not-this" }, argv: [], machine: { hostname: "m1", home: "/home/x" } };

function container(labels: Record<string, string>, over: Partial<Container> = {}): Container {
  return {
    id: "0123456789abcdef0123",
    name: "web-1",
    labels: { "service.name": "web", ...labels },
    up: true,
    status: "running",
    onHostNetwork: false,
    ports: [80],
    published: new Map(),
    addresses: new Map([["bridge", "172.17.0.2"]]),
    ...over,
  };
}

const define = (labels: Record<string, string>, over: Partial<Container> = {}) => defineContainer(container(labels, over), surroundings);

function problems(labels: Record<string, string>, over: Partial<Container> = {}): readonly string[] {
  try {
    define(labels, over);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems;
  }
}

const place = (labels: Record<string, string>, over: Partial<Container> = {}): string => {
  const { service, app } = define(labels, over);
  return `${service.host}:${service.port}, checked at ${app.host}:${app.port}`;
};

describe("a labelled container", () => {
  it("is an instance with everything that its labels say, and nothing of the agent's environment", () => {
    const { service, values } = define({
      "service.version": "1.10",
      "service.tags": "blue, canary",
      "service.protocol": "http2",
      "service.dependencies": "orders,cache?",
      "service.weight": "7",
      "service.zone": "z1",
      "service.meta.team": "checkout",
      "service.health": "/health",
      "service.health.interval": "5s",
      "service.health.failures": "2",
      "service.heartbeat": "2000",
      "com.example.other": "left alone",
    });
    expect(service).toMatchObject({
      name: "web",
      id: "web-0123456789ab",
      version: "1.10",
      tags: ["blue", "canary"],
      protocol: "http2",
      dependencies: [
        { name: "orders", optional: false },
        { name: "cache", optional: true },
      ],
      zone: "z1",
      meta: { team: "checkout" },
      heartbeat: 2_000,
    });
    expect(service.weights.passing).toBe(7);
    expect(values.health).toMatchObject({ http: { path: "/health" }, interval: 5_000, failureThreshold: 2 });
    expect(values.envoy.enabled).toBe(false);
  });

  it("is checked over HTTP, by the gRPC health protocol, or else by a connection", () => {
    const targets = ["/up", "grpc", "grpc:shop.Cart", "tcp"].map((health) => define({ "service.health": health }).checks[0]?.target);
    expect(targets).toMatchObject([
      { kind: "http", http: { path: "/up" } },
      { kind: "grpc", grpc: { service: "" } },
      { kind: "grpc", grpc: { service: "shop.Cart" } },
      { kind: "tcp" },
    ]);
    expect(define({}).checks.map(({ name }) => name)).toEqual(["tcp"]);
  });

  it("is reached at its own address, unless its port is published; labels take the other way", () => {
    const published = new Map([[80, { host: "0.0.0.0", port: 32_768 }]]);
    expect(place({})).toBe("172.17.0.2:80, checked at 172.17.0.2:80");
    expect(place({}, { published })).toBe("127.0.0.1:32768, checked at 127.0.0.1:32768");
    expect(place({}, { published: new Map([[80, { host: "127.0.0.1", port: 8_080 }]]) })).toBe("127.0.0.1:8080, checked at 127.0.0.1:8080");
    expect(place({ "service.address": "container" }, { published })).toBe("172.17.0.2:80, checked at 172.17.0.2:80");
    expect(
      place(
        { "service.network": "back" },
        {
          addresses: new Map([
            ["back", "10.0.0.9"],
            ["front", "10.1.0.9"],
          ]),
        },
      ),
    ).toBe("10.0.0.9:80, checked at 10.0.0.9:80");
    expect(place({ "service.port": "9000" }, { onHostNetwork: true, addresses: new Map() })).toBe(
      "127.0.0.1:9000, checked at 127.0.0.1:9000",
    );
  });

  it("with wrong labels is refused: the container, each label, and the fix", () => {
    expect(problems({ "service.nam": "x", "service.port": "many", "service.health": "health", "service.protocol": "smtp" })).toEqual([
      "container web-1: service.nam: there is no such label. Did you mean service.name?",
      expect.stringMatching(/^container web-1: service\.port: "many" is not a whole number/),
      expect.stringMatching(/^container web-1: service\.protocol: "smtp" .*http, http2, grpc/),
      'container web-1: service.health: "health" is no check. Write a path such as /health, or tcp, or grpc.',
    ]);
    expect(problems({ "service.name": "" })).toEqual([
      "container web-1: service.name: the value is missing. Write the service's name, such as orders.",
    ]);
    expect(problems({ "service.name": "Web Shop" })).toEqual([
      expect.stringMatching(/^container web-1: service\.name: "Web Shop" is not a DNS label.*such as Web-Shop/),
    ]);
    expect(problems({ "service.dependencies": "web" })).toEqual([
      expect.stringMatching(/^container web-1: label service\.dependencies: .*is the service itself/),
    ]);
  });

  it("without a clear address is refused, and told what to write", () => {
    expect(problems({}, { ports: [80, 443] })[0]).toMatch(/service\.port: .*has the TCP ports 80, 443\. Write/);
    expect(problems({}, { ports: [] })[0]).toMatch(/service\.port: .*names no TCP port/);
    expect(problems({ "service.address": "published" })[0]).toMatch(/service\.address: port 80 is not published/);
    expect(problems({ "service.network": "back" })[0]).toMatch(/service\.network: .*not in the network back\. Write one of bridge/);
    expect(problems({}, { addresses: new Map() })[0]).toMatch(/no address of its own, and port 80 is not published/);
  });
});

describe("what an engine says", () => {
  it("is read with what is used, whatever else is in it or missing from it", () => {
    const read = containerOf({
      Id: "abc",
      Name: "/web",
      State: { Status: "paused", Running: true, Paused: true },
      Config: { Labels: { "service.name": "web", odd: 1 }, ExposedPorts: { "80/tcp": {}, "53/udp": {} } },
      NetworkSettings: {
        Ports: {
          "80/tcp": [
            { HostIp: "::", HostPort: "8080" },
            { HostIp: "", HostPort: "8081" },
          ],
          "90/tcp": null,
        },
        Networks: { b: { IPAddress: "" }, a: { IPAddress: "10.0.0.2" } },
      },
    });
    expect(read).toMatchObject({ id: "abc", name: "web", up: false, status: "paused", ports: [80, 90], labels: { "service.name": "web" } });
    expect(read?.published.get(80)).toEqual({ host: "0.0.0.0", port: 8081 });
    expect([...(read?.addresses ?? [])]).toEqual([["a", "10.0.0.2"]]);
    expect(containerOf({ Id: "abc" })).toMatchObject({ up: false, labels: {}, ports: [] });
    expect([undefined, null, [], "x", { Id: 3 }].map(containerOf)).toEqual(Array(5).fill(undefined));
  });

  it("of events is taken in the new form and the old", () => {
    expect(eventOf('{"Type":"container","Action":"die","Actor":{"ID":"a"}}')).toEqual({ id: "a", action: "die" });
    expect(eventOf('{"status":"start","id":"b"}')).toEqual({ id: "b", action: "start" });
    expect(['{"Type":"network","Action":"connect","Actor":{"ID":"n"}}', "", "{", "[]"].map(eventOf)).toEqual(Array(4).fill(undefined));
  });
});
