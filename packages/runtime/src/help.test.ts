import { describe, expect, it } from "vitest";
import { loadConfig } from "./config.js";
import { helpText } from "./help.js";
import { option } from "./kinds.js";
import { printConfig } from "./print-config.js";

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
  const text = helpText(
    {
      description: ["Runs beside one service instance: registers it in Consul, checks its health, and runs its Envoy.", "Then it leaves."],
      options: table,
      fileFlag: "--config",
      examples: ["legation agent --config service.yaml", ["legation agent", "All by variables."]],
      environment: { HOME: "Where the state is" },
      exitStatus: { 0: "It has left.", "129, 130": "Ended by force." },
      seeAlso: ["legation drain", "packages/agent/README.md"],
    },
    { name: "legation agent", summary: "Run beside a service" },
  );

  it("fits 80 columns", () => {
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("is a manual page: each setting with its flag, default, file path and variables", () => {
    expect(text).toBe(`NAME
  legation agent - Run beside a service

SYNOPSIS
  legation agent [flags]

DESCRIPTION
  Runs beside one service instance: registers it in Consul, checks its health,
  and runs its Envoy.

  Then it leaves.

OPTIONS
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
  --help, -h
      Shows this text.

SETTINGS
  token TEXT
      The ACL token. [CONSUL_HTTP_TOKEN]
  health.interval DURATION
      How long to wait between one check of the service and the next, counted
      from the end of the one before it. Default: 90s. [HEALTH_CHECK_INTERVAL]
  health.tcp.port PORT
      Port.

ENVIRONMENT
  A flag goes before an environment variable, and a variable before the file.
  What stands in [] is the same setting there.
  HOME
      Where the state is.

EXIT STATUS
  0         It has left.
  129, 130  Ended by force.

EXAMPLES
  legation agent --config service.yaml
  legation agent
      All by variables.

SEE ALSO
  legation drain, packages/agent/README.md
`);
  });
});

describe("helpText of a command without a file", () => {
  it("names the operands and the flags, and the variables in a section of their own", () => {
    const { name, token } = table;
    const pause = option.duration({ description: "Pause", default: 1_000, alone: "2s", flag: "--pause" });
    const operands = [{ name: "FROM" }, { name: "TO", optional: true }];
    const page = { options: { name, token, pause }, description: "Drains.", operands };
    expect(helpText(page, { name: "legation drain", summary: "Drain" })).toContain(`SYNOPSIS
  legation drain FROM [TO] [flags]

DESCRIPTION
  Drains.

OPTIONS
  --name TEXT
      The service's name, a DNS label. Required.
  --pause [DURATION]
      Pause. Default: 1s.
  --help, -h
      Shows this text.

ENVIRONMENT
  SERVICE_NAME
      As --name.
  CONSUL_HTTP_TOKEN
      The ACL token.
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
