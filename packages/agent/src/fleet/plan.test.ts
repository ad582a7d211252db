import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@legation/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { sharedWords } from "./options.js";
import { type Plan, planFleet } from "./plan.js";

const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

function directory(files: Readonly<Record<string, string>>): string {
  const path = mkdtempSync(join(tmpdir(), "legation-plan-"));
  made.push(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

function plan(path: string, env: Readonly<Record<string, string>> = {}, argv: readonly string[] = []): Plan {
  return planFleet(path, { env, argv, stateDir: "/var/lib/legation", machine: { hostname: "m1", home: "/home/x" } });
}

function problems(files: Readonly<Record<string, string>>): string[] {
  const path = directory(files);
  try {
    plan(path);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map((problem) => problem.replaceAll(path, "services"));
  }
}

describe("a directory of services", () => {
  it("becomes one service for each YAML file, with ports to be picked and a state directory of its own", () => {
    const path = directory({
      "a.yaml": "name: a\nport: 8001\n",
      "b.yml": "name: b\nport: 8002\nid: b-1\nenvoy: { inbound: '127.0.0.1:7000' }\n",
      "notes.txt": "no service",
      ".hidden.yaml": "nonsense",
    });
    const { services } = plan(path);
    expect(services.map(({ config }) => [config.service.id, config.inbound, config.values.envoy.admin, config.stateDir])).toEqual([
      ["a-m1-8001", "127.0.0.1:0", "127.0.0.1:0", "/var/lib/legation/a-m1-8001"],
      ["b-1", "127.0.0.1:7000", "127.0.0.1:0", "/var/lib/legation/b-1"],
    ]);
  });

  it("takes only what all services share from variables and flags", () => {
    const path = directory({ "a.yaml": "name: a\nport: 8001\nconsul: { address: 'http://file:1' }\n", "b.yaml": "name: b\nport: 8002\n" });
    const argv = ["--all", path, "--consul-addr", "http://flag:2", "--admin-addr=127.0.0.1:9", "--log-level=debug"];
    expect(sharedWords(argv)).toEqual(["--consul-addr", "http://flag:2", "--log-level=debug"]);
    const { services } = plan(path, { SERVICE_NAME: "other", SERVICE_PORT: "1", ENVOY_BIN: "/bin/envoy" }, sharedWords(argv));
    expect(services.map(({ config: { service, values } }) => [service.name, service.port, values.consul.address])).toEqual([
      ["a", 8001, "http://flag:2"],
      ["b", 8002, "http://flag:2"],
    ]);
    expect(services[0]?.config.values.envoy.binary).toBe("/bin/envoy");
    expect(services[0]?.config.values.logLevel).toBe("debug");
  });

  it("is refused with the problems of all files at once", () => {
    expect(
      problems({
        "a.yaml": "name: Not A Name\nport: 8001\n",
        "b.yaml": "name: b\nprot: 8002\n",
        "c.yaml": "name: c\nport: 8003\ndependencies: [c]\n",
        "d.yaml": ": [",
      }),
    ).toEqual([
      expect.stringMatching(/^services\/a\.yaml:1: name: .*such as Not-A-Name/),
      expect.stringMatching(/^services\/b\.yaml:2: prot: there is no such key\. Did you mean port\?/),
      expect.stringMatching(/^services\/b\.yaml: port: the value is missing\. Set port in the file\./),
      expect.stringMatching(/^services\/c\.yaml:3: dependencies: "c" is the service itself/),
      expect.stringMatching(/^services\/d\.yaml:1: the YAML is broken/),
      "services/d.yaml: name: the value is missing. Set name in the file.",
      "services/d.yaml: port: the value is missing. Set port in the file.",
    ]);
  });

  it("is refused where two files want the same id, port or directory, and says in which", () => {
    const service = (name: string, more = "") => `name: ${name}\nid: ${name}\ncommand: x\nport: 8001\n${more}`;
    expect(
      problems({
        "a.yaml": service("a", "stateDir: /tmp/s\n"),
        "b.yaml": service("b", "stateDir: /tmp/s\nhost: 0.0.0.0\n"),
        "c.yaml": service("a"),
      }),
    ).toEqual([
      "services/b.yaml: stateDir: the directory /tmp/s is that of services/a.yaml (stateDir) too. Leave stateDir out.",
      "services/b.yaml: port: port 8001 is that of services/a.yaml (port) too. Give each service a port of its own.",
      "services/c.yaml: id: the id a is that of services/a.yaml (id) too. Give each instance an id of its own.",
      "services/c.yaml: port: port 8001 is that of services/a.yaml (port) too. Give each service a port of its own.",
    ]);
    expect(problems({ "a.yaml": service("a", "host: 127.0.0.2\n"), "b.yaml": service("b") })).toEqual([]);
    const calls = (name: string, port: number) => `name: ${name}\nport: ${port}\ndependencies: [{name: db, localPort: 15432}]\n`;
    expect(problems({ "a.yaml": calls("a", 8001), "b.yaml": calls("b", 8002) })).toEqual([
      "services/b.yaml: dependencies: port 15432 is that of services/a.yaml (dependencies) too. Give each service a port of its own.",
    ]);
  });

  it("is refused where required dependencies go round in a circle, which is named by its files and its path", () => {
    const service = (name: string, port: number, dependency: string) => `name: ${name}\nport: ${port}\ndependencies: [${dependency}]\n`;
    expect(problems({ "a.yaml": service("a", 1, "b"), "b.yaml": service("b", 2, "c"), "c.yaml": service("c", 3, "a") })).toEqual([
      "services/a.yaml: dependencies, services/b.yaml: dependencies, services/c.yaml: dependencies: a → b → c → a is a cycle of required " +
        'dependencies: none of them could ever start. Make one optional, such as "b?" in services/a.yaml.',
    ]);
    expect(problems({ "a.yaml": service("a", 1, "b"), "b.yaml": service("b", 2, "a?") })).toEqual([]);
  });

  it("is refused where there is none, or nothing in it", () => {
    expect(() => plan("/no/such/place")).toThrow("--all /no/such/place: there is no such directory. Name a directory");
    const empty = directory({});
    expect(() => plan(empty)).toThrow("there is no *.yaml file in it");
    expect(() => plan(join(directory({ "a.yaml": "" }), "a.yaml"))).toThrow("it is not a directory");
  });
});
