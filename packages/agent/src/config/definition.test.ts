import { ConfigError, loadConfig, printConfig } from "@legation/runtime";
import { describe, expect, it } from "vitest";
import { configOf } from "../testing/definition.js";
import { defineAgent } from "./definition.js";
import { agentOptions } from "./options.js";

const machine = { hostname: "web 1", home: "/home/x" };
const load = (text: string, env: Record<string, string> = {}, argv: readonly string[] = []) => {
  const loaded = loadConfig(agentOptions, { file: { path: "service.yaml", text }, env, argv });
  return { ...loaded, config: defineAgent(loaded.values, loaded.origins, machine) };
};
const problems = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
};

describe("the agent's configuration", () => {
  it("takes the file, then the environment, then flags, and knows where each value came from", () => {
    const { values, origins } = load("name: a\nport: 1\nversion: '1'\n", { SERVICE_PORT: "2", SERVICE_VERSION: "2" }, ["--version", "3"]);
    expect(values).toMatchObject({ name: "a", port: 2, version: "3" });
    expect(origins).toMatchObject({ name: "service.yaml:1", port: "SERVICE_PORT", version: "--version", heartbeat: "default" });
    expect(printConfig(agentOptions, values, origins)).toMatch(/port: 2 +# SERVICE_PORT/);
  });

  it("takes dependencies with a local port as words and as maps, and prints what it would read again", () => {
    const expected = [
      { name: "db", optional: false, port: 15_432 },
      { name: "mail", optional: true, port: 2_525 },
      { name: "orders", optional: false },
    ];
    const file = load(
      "name: a\nport: 7\nhost: 10.0.0.1\ndependencies: [{name: db, localPort: 15432}, {name: mail, localPort: 2525, optional: true}, orders]\n",
    );
    expect(file.config.service.dependencies).toEqual(expected);
    const printed = printConfig(agentOptions, file.values, file.origins);
    expect(printed).toMatch(/^dependencies: \[ "?db:15432"?, "?mail:2525\?"?, orders \]/m);
    const written = { SERVICE_DEPENDENCIES: "db:15432, mail:2525?,orders" };
    expect(load("name: a\nport: 7\n", written).config.service.dependencies).toEqual(expected);
    expect(load("name: a\nport: 15432\nhost: 10.0.0.1\n", written).config.service.port).toBe(15_432);
    const flags = ["--dependencies", "db:15432", "--dependencies", "mail:2525?,orders"];
    expect(load("name: a\nport: 7\n", {}, flags).config.service.dependencies).toEqual(expected);
  });

  it("takes every variable of the environment, bare numbers as milliseconds", () => {
    const env = {
      SERVICE_NAME: "orders",
      SERVICE_VERSION: "1.10",
      SERVICE_HOST: "10.0.0.1",
      SERVICE_PORT: "8080",
      SERVICE_TAGS: "a, b",
      SERVICE_DEPENDENCIES: "payments,cache?",
      SERVICE_HEALTH_ENDPOINT: "/health",
      SERVICE_DISCOVERY_ENABLED: "false",
      LOAD_BALANCING_STRATEGY: "random",
      HEALTH_CHECK_INTERVAL: "15000",
      CIRCUIT_BREAKER_THRESHOLD: "7",
    };
    const { values, config } = load("", env);
    expect(values).toMatchObject({ discovery: false, health: { http: { path: "/health" }, interval: 15_000 } });
    expect(config.service).toMatchObject({
      name: "orders",
      version: "1.10",
      host: "10.0.0.1",
      port: 8080,
      tags: ["a", "b"],
      dependencies: [
        { name: "payments", optional: false },
        { name: "cache", optional: true },
      ],
      wishes: { balancing: "random", "health-interval": "15000", "failure-threshold": "7" },
    });
    expect(config).toMatchObject({ inbound: "10.0.0.1:20000", outsiders: 5_000 });
  });

  it("has an id that is stable on its machine, and nothing to wait for outside where the address is loopback", () => {
    const { config } = load("name: orders\nport: 8080");
    expect(config.service.id).toBe("orders-web-1-8080");
    expect(config).toMatchObject({ outsiders: 0, inbound: "127.0.0.1:20000", stateDir: "/home/x/.local/state/legation/orders-web-1-8080" });
    expect(config.service.wishes).toEqual({});
  });

  it("registers the machine's own address for a service that listens everywhere, and asks it over loopback", () => {
    const loaded = loadConfig(agentOptions, { argv: ["--name", "a", "--port", "1", "--host", "0.0.0.0"] });
    const interfaces = {
      lo: [{ address: "127.0.0.1", family: "IPv4", internal: true }],
      eth0: [
        { address: "fe80::1", family: "IPv6", internal: false },
        { address: "10.1.2.3", family: "IPv4", internal: false },
      ],
    };
    const config = defineAgent(loaded.values, loaded.origins, { ...machine, interfaces });
    expect(config.service.host).toBe("10.1.2.3");
    expect(config.app).toEqual({ host: "127.0.0.1", port: 1 });
    expect(config.inbound).toBe("0.0.0.0:20000");
    expect(config.advertised("0.0.0.0")).toBe("10.1.2.3");
  });

  it("reads a command as a list or as a line for the shell", () => {
    expect(load("name: a\nport: 1\ncommand: [node, server.js, 1]").values.command).toEqual(["node", "server.js", "1"]);
    expect(load("name: a\nport: 1\ncommand: node server.js, now").values.command).toEqual(["/bin/sh", "-c", "node server.js, now"]);
    expect(problems(() => load("name: a\nport: 1\ncommand: {a: b}"))).toMatch(/service.yaml:3: command: .*Write \[node, server.js\]/);
  });

  it.each([
    ["name: Bad_Name\nport: 1", /service.yaml:1: name: "Bad_Name" is not a DNS label.*such as Bad-Name/],
    ["name: a\nport: 0", /service.yaml:2: port: 0 is not a whole number from 1 to 65535/],
    ["name: a\nport: 70000", /service.yaml:2: port: 70000/],
    ["name: a\nport: 1\nprotocol: ftp", /service.yaml:3: protocol: "ftp" is none of http, http2, grpc, tcp/],
    ["name: a\nport: 1\ndependencies: [a]", /service.yaml:3: dependencies: "a" is the service itself.*take it out/],
    ["name: a\nport: 1\ndependencies: [b, 'b?']", /"b\?" is named twice/],
    ["name: a\nport: 1\ndependencies: ['b c']", /"b c" is not a DNS label/],
    ["name: a\nport: 1\ndependencies: ['db:0']", /dependencies: "db:0" names no port from 1 to 65535 .* Write db:15432, or db alone/],
    ["name: a\nport: 1\ndependencies:\n  - {name: db, localPort: 70000}", /:4: dependencies\[0\]: 70000 is no port from 1 to 65535/],
    ["name: a\nport: 1\ndependencies:\n  - {name: db, port: 5}", /:4: dependencies\[0\]: "port" is none of name, localPort, optional/],
    ["name: a\nport: 1\ndependencies: [{localPort: 5}]", /dependencies\[0\]: .* has no name/],
    ["name: a\nport: 1\ndependencies: [{name: b, optional: maybe}]", /dependencies\[0\]: "maybe" is not true or false/],
    ["name: a\nport: 1\ndependencies: [[b]]", /dependencies\[0\]: \["b"\] is no dependency/],
    ["name: a\nport: 1\ndependencies: ['b:7', 'c:7']", /local port 7 of c is that of b too. Give each/],
    ["name: a\nport: 7\ndependencies: ['b:7']", /local port 7 of b is that of port too. Choose another/],
    ["name: a\nport: 7\nhost: 0.0.0.0\ndependencies: ['b:7']", /local port 7 of b is that of port too/],
    ["name: a\nport: 1\ndependencies: ['b:20000']", /local port 20000 of b is that of envoy.inbound too/],
    ["name: a\nport: 1\ndependencies: ['b:15001']", /local port 15001 of b is that of envoy.outbound too/],
    ["name: a\nport: 1\ndependencies: ['b:19000']", /local port 19000 of b is that of envoy.admin too/],
    ["name: a\nport: 1\ndependencies: ['b:19100']", /local port 19100 of b is that of admin too/],
    ["name: a\nport: 1\ndependencies: ['b:7']\nenvoy: {enabled: false}", /local port 7 of b: nobody listens there without an Envoy/],
    ["name: a\nport: 1\nmeta: {version: '1'}", /service.yaml:3: meta: the key version has an option of its own/],
    ["name: a\nport: 1\nmeta: {legation-x: '1'}", /legation-x is Legation's own/],
    ["name: a\nport: 1\nmeta: {'a b': '1'}", /"a b" is not taken by Consul/],
    [`name: a\nport: 1\nmeta: {x: ${"y".repeat(513)}}`, /value of x has 513 bytes; Consul takes 512/],
    [
      `name: a\nport: 1\nmeta:\n${Array.from({ length: 63 }, (_, i) => `  k${i}: v`).join("\n")}`,
      /there are 67 keys together with Legation's 4; Consul takes 64. Take out 3/,
    ],
    ["name: a\nport: 1\nhelth: {}", /service.yaml:3: helth: .*Did you mean health\?/],
    ["name: a\nport: 1\nadmin: 0.0.0.0:1", /service.yaml:3: admin: .*must be on loopback/],
    ["name: a\nport: 1\ncontrolPlane: {xds: ['x:0']}", /service.yaml:3: controlPlane.xds: each control plane needs a port/],
    ["name: a\nport: 1\ncontrolPlane: {api: [here]}", /"here" is not a URL/],
    ["port: 1", /name/],
  ])("refuses %j and says where and what instead", (text, message) => {
    expect(problems(() => load(text))).toMatch(message);
  });

  it("names the variable or the flag that a wrong value came from", () => {
    expect(problems(() => configOf(["--dependencies", "orders"]))).toMatch(/^--dependencies: "orders" is the service itself/);
    expect(problems(() => configOf([], { SERVICE_DEPENDENCIES: "orders" }))).toMatch(/^SERVICE_DEPENDENCIES: /);
  });
});
