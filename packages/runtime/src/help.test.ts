import { describe, expect, it } from "vitest";
import { loadConfig } from "./config.js";
import { helpText, printConfig } from "./help.js";
import { option } from "./kinds.js";

const table = {
  name: option.string({ description: "The service's name, a DNS label", required: true, env: "SERVICE_NAME", flag: "--name" }),
  token: option.string({ description: "The ACL token.", env: "CONSUL_HTTP_TOKEN", secret: true }),
  tags: option.list({ description: "Tags.", default: ["a", "b"], flag: "--tags" }),
  discovery: option.boolean({ description: "Register in Consul.", default: true, flag: "--discovery" }),
  protocol: option.enumeration(["http", "tcp"], { description: "Protocol.", default: "http", flag: "--protocol" }),
  insecure: option.boolean({ description: "Plain text.", default: false, flag: "--insecure" }),
  health: {
    interval: option.duration({
      description: "How long to wait between one check of the service and the next, counted from the end of the one before it.",
      default: 90_000,
      env: "HEALTH_CHECK_INTERVAL",
    }),
    tcp: option.object({ description: "TCP.", fields: { port: option.integer({ description: "Port.", unit: "port" }) } }),
  },
};

describe("helpText", () => {
  const text = helpText(table, {
    usage: "legation agent [flags]",
    summary: "Runs beside one service instance: registers it in Consul, checks its health, and runs its Envoy.",
    fileFlag: "--config",
    examples: ["legation agent --config service.yaml"],
  });

  it("fits 80 columns", () => {
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("shows each setting with its flag, default, file path and variables", () => {
    expect(text).toBe(`Runs beside one service instance: registers it in Consul, checks its health, and
runs its Envoy.

Usage: legation agent [flags]

A flag goes before an environment variable, and a variable before the file. What
stands in [] is the same setting there.

Flags:
  --config FILE
      The configuration, a YAML file.
  --name TEXT
      The service's name, a DNS label. Required. [name, SERVICE_NAME]
  --tags LIST
      Tags. Default: a,b. [tags]
  --no-discovery, --discovery
      Register in Consul. Default: true. [discovery]
  --protocol WORD
      Protocol. One of http, tcp. Default: http. [protocol]
  --insecure
      Plain text. [insecure]
  --help
      Shows this text.

By file or environment:
  token TEXT
      The ACL token. [CONSUL_HTTP_TOKEN]
  health.interval DURATION
      How long to wait between one check of the service and the next, counted
      from the end of the one before it. Default: 90s. [HEALTH_CHECK_INTERVAL]
  health.tcp.port PORT
      Port.

Examples:
  legation agent --config service.yaml
`);
  });
});

describe("helpText of a command without a file", () => {
  it("names flags and variables alone", () => {
    const { name, token } = table;
    expect(helpText({ name, token }, { usage: "legation drain [flags]", summary: "Drains." })).toContain(`Flags:
  --name TEXT
      The service's name, a DNS label. Required. [SERVICE_NAME]
  --help
      Shows this text.

By environment:
  token TEXT
      The ACL token. [CONSUL_HTTP_TOKEN]
`);
  });
});

describe("printConfig", () => {
  const input = { file: { path: "s.yaml", text: "name: 'true'\nhealth: { interval: 1m30s }" }, env: { CONSUL_HTTP_TOKEN: "hunter2" } };
  const { values, origins } = loadConfig(table, input);
  const text = printConfig(table, values, origins);

  it("shows each value with its origin, and no secret", () => {
    expect(text).toBe(`name: "true"     # s.yaml:1
token: (secret)  # CONSUL_HTTP_TOKEN
tags: [ a, b ]   # default
discovery: true  # default
protocol: http   # default
insecure: false  # default
health:
  interval: 90s  # s.yaml:2
  # tcp: (not set)
`);
  });

  it("keeps a value on one line however long it is", () => {
    const tags = Array.from({ length: 40 }, (_, i) => `tag-number-${i}`);
    const printed = printConfig({ tags: table.tags }, { tags }, { tags: "--tags" });
    expect(printed).toBe(`tags: [ ${tags.join(", ")} ]  # --tags\n`);
    expect(printConfig({ name: table.name }, { name: "two\nlines" }, {})).toBe('name: "two\\nlines"  # default\n');
  });

  it("can be read again", () => {
    expect(loadConfig(table, { file: { path: "printed.yaml", text } }).values).toEqual({ ...values, token: "(secret)" });
  });
});
