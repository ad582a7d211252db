import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ConfigError, type ConfigInput, loadConfig, readConfigFiles } from "./config.js";
import { option } from "./kinds.js";

const table = {
  name: option.string({ description: "Name.", required: true, env: "SERVICE_NAME", flag: "--name" }),
  version: option.string({ description: "Version.", env: "SERVICE_VERSION" }),
  port: option.integer({ description: "Port.", min: 1, max: 65_535, default: 80, env: ["SERVICE_PORT", "PORT"], flag: "--port" }),
  tags: option.list({ description: "Tags.", default: [], env: "SERVICE_TAGS", flag: "--tags" }),
  meta: option.map({ description: "Metadata.", default: {}, env: "SERVICE_META", flag: "--meta" }),
  discovery: option.boolean({ description: "Discovery.", default: true, env: "SERVICE_DISCOVERY_ENABLED", flag: "--discovery" }),
  protocol: option.enumeration(["http", "grpc", "tcp"], { description: "Protocol.", default: "http" }),
  health: {
    interval: option.duration({ description: "Interval.", default: 30_000, env: "HEALTH_CHECK_INTERVAL" }),
    http: option.object({
      description: "An HTTP check.",
      fields: { path: option.string({ description: "Path.", default: "/health", env: "SERVICE_HEALTH_ENDPOINT" }) },
    }),
  },
  controlPlane: {
    xds: option.listOf(option.address({ description: "A replica." }), { description: "Replicas.", flag: "--control-plane-xds" }),
  },
};

const yaml = (text: string) => ({ path: "service.yaml", text });
const load = (input: ConfigInput) => loadConfig(table, { fileFlag: "--config", ...input });
const named = (text: string) => load({ file: yaml(`name: orders\n${text}`) }).values;

function problemsOf(input: ConfigInput): readonly string[] {
  try {
    load(input);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("where a value comes from", () => {
  it("takes the file before the default, the environment before the file, a flag before the environment", () => {
    const file = yaml("name: file\nport: 1\n\nversion: 1.10\nhealth:\n  interval: 5s\n");
    const { values, origins } = load({ file, env: { SERVICE_NAME: "env", PORT: "2" }, argv: ["--port", "3"] });
    expect(values).toMatchObject({ name: "env", port: 3, version: "1.10", health: { interval: 5_000 }, protocol: "http" });
    expect(origins).toMatchObject({
      name: "SERVICE_NAME",
      port: "--port",
      version: "service.yaml:4",
      "health.interval": "service.yaml:6",
      protocol: "default",
    });
  });

  it("takes the later of several files, setting by setting", () => {
    const { values, origins } = load({
      file: [
        { path: "a.yaml", text: "name: a\nport: 1" },
        { path: "b.yaml", text: "port: 2" },
      ],
    });
    expect([values.name, values.port]).toEqual(["a", 2]);
    expect([origins["name"], origins["port"]]).toEqual(["a.yaml:1", "b.yaml:1"]);
  });

  it("takes the first variable that is set, and an empty one for not set", () => {
    const first = load({ env: { SERVICE_NAME: "n", SERVICE_PORT: "7", PORT: "8" } });
    expect([first.values.port, first.origins["port"]]).toEqual([7, "SERVICE_PORT"]);
    const second = load({ env: { SERVICE_NAME: "n", SERVICE_PORT: "", PORT: "8" } });
    expect([second.values.port, second.origins["port"]]).toEqual([8, "PORT"]);
  });

  it("leaves an optional table undefined until the file names it or one of its settings is set", () => {
    expect(named("").health.http).toBeUndefined();
    expect(named("health: { http: {} }").health.http).toEqual({ path: "/health" });
    const { values, origins } = load({ env: { SERVICE_NAME: "n", SERVICE_HEALTH_ENDPOINT: "/up" } });
    expect(values.health.http).toEqual({ path: "/up" });
    expect(origins["health.http.path"]).toBe("SERVICE_HEALTH_ENDPOINT");
  });

  it("gives values the types of their kinds", () => {
    const { values } = load({ env: { SERVICE_NAME: "n" } });
    const typed: { name: string; version: string | undefined; port: number; protocol: "http" | "grpc" | "tcp" } = values;
    const replicas: readonly string[] = values.controlPlane.xds;
    expect(typed.version).toBeUndefined();
    expect(replicas).toEqual([]);
  });

  it("reads YAML's anchors, quotes, JSON and empty tables", () => {
    expect(named("version: &v '2'\nmeta: { a: *v }\nhealth:").meta).toEqual({ a: "2" });
    expect(load({ file: { path: "s.json", text: '{"name": "j", "port": 5}' } }).values.port).toBe(5);
  });
});

describe("what the kinds accept", () => {
  const cases: [string, unknown, string][] = [
    ["port", 8080, "port: '8080'"],
    ["version", "1.10", "version: 1.10"],
    ["version", "true", "version: true"],
    ["version", "2026-11-21", "version: 2026-11-21"],
    ["tags", ["a", "1.0"], "tags: [a, 1.0]"],
    ["meta", { rank: "007", empty: "" }, "meta: { rank: 007, empty: '' }"],
    ["discovery", false, "discovery: off"],
    ["protocol", "grpc", "protocol: grpc"],
  ];
  it.each(cases)("reads %s as %j from `%s`", (path, expected, text) => {
    expect((named(text) as Record<string, unknown>)[path]).toEqual(expected);
  });

  it("leaves the commas in texts, which are given one by one", () => {
    const table = { headers: option.texts({ description: "Headers.", default: [], env: "HEADERS", flag: "-H" }) };
    const headers = (argv: string[], env = {}) => loadConfig(table, { argv, env }).values.headers;
    expect(headers(["-H", "accept: a, b", "-H=x:1"])).toEqual(["accept: a, b", "x:1"]);
    expect(headers([], { HEADERS: "accept: a, b" })).toEqual(["accept: a, b"]);
    expect(headers([])).toEqual([]);
  });

  it("reads lists and maps from variables with commas", () => {
    const { values } = load({ env: { SERVICE_NAME: "n", SERVICE_TAGS: " a, b ,,", SERVICE_META: "k=v=w, l=" } });
    expect(values.tags).toEqual(["a", "b"]);
    expect(values.meta).toEqual({ k: "v=w", l: "" });
  });

  it("takes a bare number for milliseconds in the environment only", () => {
    expect(load({ env: { SERVICE_NAME: "n", HEALTH_CHECK_INTERVAL: "2500" } }).values.health.interval).toBe(2_500);
    expect(load({ env: { SERVICE_NAME: "n", HEALTH_CHECK_INTERVAL: "1m" } }).values.health.interval).toBe(60_000);
    expect(problemsOf({ file: yaml("name: n\nhealth:\n  interval: 30") })).toEqual([
      "service.yaml:3: health.interval: 30 is not a duration. Write 5s, 250ms or 1m.",
    ]);
  });

  it("hands plain values and texts to a parser of one's own", () => {
    const command = option.parsed<readonly string[]>(
      "command",
      (raw) => {
        if (typeof raw === "string") return { value: ["sh", "-c", raw] };
        return Array.isArray(raw) ? { value: raw.map(String) } : { problem: "this is no command. Write [node, server.js]" };
      },
      { description: "Command.", flag: "--command" },
    );
    const read = (text: string) => loadConfig({ command }, { file: yaml(text) }).values.command;
    expect(read("command: [node, 1]")).toEqual(["node", "1"]);
    expect(loadConfig({ command }, { argv: ["--command", "node x"] }).values.command).toEqual(["sh", "-c", "node x"]);
    expect(() => read("\ncommand: { a: 1 }")).toThrow("service.yaml:2: command: this is no command. Write [node, server.js].");
  });

  it.each(["true", "1", "YES", "on"])("takes %s for true in a variable", (text) => {
    expect(load({ file: yaml("name: n\ndiscovery: false"), env: { SERVICE_DISCOVERY_ENABLED: text } }).values.discovery).toBe(true);
  });
});

describe("what is refused", () => {
  it("lists every problem of file, environment and flags at once, each with its place and the fix", () => {
    const file = yaml("nam: orders\nhealth:\n  interval: 5 parsecs\n  intervall: 1s\ninterval: 3s\nprotocol: htp\ntags: a\n");
    expect(problemsOf({ file, env: { SERVICE_PORT: "x" }, argv: ["--prot", "1", "--port=70000"] })).toEqual([
      "service.yaml:1: nam: there is no such key. Did you mean name?",
      'service.yaml:3: health.interval: "5 parsecs" is not a duration. Write 5s, 250ms or 1m.',
      "service.yaml:4: health.intervall: there is no such key. Did you mean health.interval?",
      "service.yaml:5: interval: there is no such key. Did you mean health.interval?",
      'service.yaml:6: protocol: "htp" is none of http, grpc, tcp. Did you mean http?',
      'service.yaml:7: tags: "a" is not a list. Write [a, b].',
      'SERVICE_PORT: "x" is not a whole number from 1 to 65535.',
      "--prot: there is no such flag. Did you mean --port?",
      '--port: "70000" is not a whole number from 1 to 65535.',
      "service.yaml: name: the value is missing. Set name in the file, or SERVICE_NAME, or --name.",
    ]);
  });

  const refused: [string, string][] = [
    ["name:", "service.yaml:1: name: the value is missing. Write one, or leave the line out."],
    ["name: n\nhealth: 5s", 'service.yaml:2: health: "5s" is not a map. Write its settings as "key: value", one a line.'],
    ["- name", 'service.yaml:1: ["name"] is not a map. Write its settings as "key: value", one a line.'],
    ["name: n\nname: m", "service.yaml:2: the YAML is broken: Map keys must be unique."],
    ["name: n\nport: [1]", "service.yaml:2: port: [1] is not a whole number from 1 to 65535."],
    ["name: n\nport: 1.5", "service.yaml:2: port: 1.5 is not a whole number from 1 to 65535."],
    ["name: [n]", 'service.yaml:1: name: ["n"] is not text.'],
    ["name: n\nmeta:\n  a: 1\n  b: [2]", "service.yaml:4: meta.b: [2] is not text."],
    [
      "name: n\ncontrolPlane:\n  xds:\n    - 127.0.0.1:1\n    - somewhere",
      'service.yaml:5: controlPlane.xds[1]: "somewhere" is not an address. Write host:port, such as 127.0.0.1:8080.',
    ],
    ["name: n\ndiscovery: maybe", 'service.yaml:2: discovery: "maybe" is not true or false.'],
    ["name: n\nhealth: { htpp: {} }", "service.yaml:2: health.htpp: there is no such key. Did you mean health.http?"],
    ["name: n\nhealth: { zebra: 1 }", "service.yaml:2: health.zebra: there is no such key. Known here: interval, http."],
  ];
  it.each(refused)("says of %j: %s", (text, problem) => {
    expect(problemsOf({ file: yaml(text) })).toContain(problem);
  });

  it("never takes what an object inherits for a known key, word or value", () => {
    expect(problemsOf({ file: yaml("name: n\nconstructor: 1\n__proto__: { port: 1 }") })).toHaveLength(2);
    expect(problemsOf({ env: { SERVICE_NAME: "n", SERVICE_DISCOVERY_ENABLED: "constructor" } })).toHaveLength(1);
    expect(Object.keys(named("meta: { __proto__: x, a: b }").meta)).toEqual(["__proto__", "a"]);
  });

  it.each([
    ["holds itself", "meta: &a\n  b: *a"],
    ["multiplies", Array.from({ length: 7 }, (_, i) => `a${i}: &a${i} [${Array(10).fill(i > 0 ? `*a${i - 1}` : "x")}]`).join("\n")],
  ])("does not follow an alias that %s", (_, text) => {
    expect(problemsOf({ file: yaml(`name: n\n${text}`) })[0]).toMatch(/^service.yaml: its aliases/);
  });

  it("asks `check` about values that were set, and keeps secrets out of what it says", () => {
    const checked = {
      id: option.string({
        description: "Id.",
        default: "BAD",
        env: "ID",
        check: (v) => (v === "BAD" ? "is not in small letters. Write bad" : undefined),
      }),
      token: option.string({ description: "Token.", env: "TOKEN", secret: true, check: () => "is too short. A token has 36 characters" }),
    };
    expect(loadConfig(checked, {}).values.id).toBe("BAD");
    expect(() => loadConfig(checked, { file: yaml("token: [hunter2]") })).toThrow("service.yaml:1: token: the value is no text.");
    expect(() => loadConfig(checked, { env: { ID: "BAD", TOKEN: "hunter2" } })).toThrow(
      '2 problems\n  ID: "BAD" is not in small letters. Write bad.\n  TOKEN: the value is too short. A token has 36 characters.',
    );
  });

  it("has the code `config`", () => {
    expect(() => load({})).toThrow(expect.objectContaining({ code: "config" }));
  });
});

describe("flags", () => {
  const flags = (...argv: string[]) => load({ argv: ["--name", "n", ...argv] });

  it("takes the value behind the flag or behind =, also one with a dash or =", () => {
    expect(flags("--port=5").values.port).toBe(5);
    expect(flags("--name", "-5").values.name).toBe("-5");
    expect(flags("--meta", "a=b=c").values.meta).toEqual({ a: "b=c" });
  });

  it("appends repeated lists and maps, and takes the last of anything else", () => {
    const { values } = flags("--tags", "a,b", "--tags=c", "--meta", "a=1", "--meta", "b=2", "--port", "1", "--port", "2");
    expect(values.tags).toEqual(["a", "b", "c"]);
    expect(values.meta).toEqual({ a: "1", b: "2" });
    expect(values.port).toBe(2);
  });

  it.each([
    [["--discovery"], true],
    [["--no-discovery"], false],
    [["--discovery=false"], false],
    [["--discovery", "false"], false],
    [["--no-discovery", "--discovery"], true],
  ])("reads %j as %s", (argv, expected) => {
    expect(flags(...argv).values.discovery).toBe(expected);
  });

  it("hands over other arguments only as many as the command takes, and all behind --", () => {
    const argv = ["--name", "n", "one", "--", "--port"];
    expect(load({ argv, maxPositional: 2 }).positional).toEqual(["one", "--port"]);
    expect(problemsOf({ argv, maxPositional: 1 })).toEqual(["--port: unexpected argument. See --help."]);
  });

  it.each([
    [["--port"], "--port: the value is missing. Write --port NUMBER."],
    [["--port", "--discovery"], "--port: the value is missing. Write --port NUMBER."],
    [["--config"], "--config: the value is missing. Write --config FILE."],
    [["--confg", "x.yaml"], "--confg: there is no such flag. Did you mean --config?"],
    [["-p", "5"], "-p: there is no such flag. See --help."],
    [["--health-interval", "5s"], "--health-interval: there is no such flag. Set health.interval in the file or HEALTH_CHECK_INTERVAL."],
    [["--no-discovery=1"], "--no-discovery: takes no value. Write --no-discovery alone, or --discovery=1."],
    [["stray"], "stray: unexpected argument. See --help."],
    [["service.yaml"], "service.yaml: unexpected argument. Write --config service.yaml."],
  ])("says of %j: %s", (argv, problem) => {
    expect(problemsOf({ argv: ["--name", "n", ...argv] })).toEqual([problem]);
  });
});

describe("readConfigFiles", () => {
  it("reads every file that the flag names, in order", () => {
    const folder = mkdtempSync(join(tmpdir(), "legation-config-"));
    try {
      const path = join(folder, "a.yaml");
      writeFileSync(path, "name: a");
      expect(readConfigFiles(["--config", path, "--port", "1", `--config=${path}`], "--config")).toEqual([
        { path, text: "name: a" },
        { path, text: "name: a" },
      ]);
      expect(readConfigFiles(["--", "--config", path], "--config")).toEqual([]);
      expect(() => readConfigFiles(["--config", folder, `--config=${folder}/b.yaml`], "--config")).toThrow(
        `2 problems\n  --config ${folder}: it is a folder. Name a YAML file that can be read.\n` +
          `  --config ${folder}/b.yaml: there is no such file. Name a YAML file that can be read.`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
