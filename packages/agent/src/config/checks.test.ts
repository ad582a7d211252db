import { ConfigError, loadConfig, printConfig } from "@legation/runtime";
import { describe, expect, it } from "vitest";
import { createHostCertificate } from "../testing/host-certificate.js";
import { defineAgent } from "./definition.js";
import { agentOptions } from "./options.js";

const load = (health: string, argv: readonly string[] = []) => {
  const text = `name: orders\nport: 8080\nhealth:\n${health.replaceAll(/^/gm, "  ")}\n`;
  const loaded = loadConfig(agentOptions, { file: { path: "service.yaml", text }, argv });
  const { checks } = defineAgent(loaded.values, loaded.origins, { hostname: "host", home: "/home/x" });
  return { ...loaded, checks };
};
const refusal = (health: string): string => {
  try {
    load(health);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error("nothing was refused");
};
const app = { host: "127.0.0.1", port: 8080 };

describe("the health checks in the configuration", () => {
  it("are one of TCP when none is named, with the numbers of the requirements", () => {
    expect(load("autoRecovery: true").checks).toEqual([
      {
        name: "tcp",
        target: { kind: "tcp", tcp: app },
        interval: 30_000,
        startInterval: 250,
        initialDelay: 0,
        jitter: 0.1,
        timeout: 5_000,
        failureThreshold: 3,
        recoveryThreshold: 2,
      },
    ]);
  });

  it("are the short forms first, then the list, each with a name of its own", () => {
    const { checks } = load(
      "http: {path: /health}\ntcp: true\nchecks:\n- tcp: {port: 1}\n- name: tcp-2\n  tcp: {port: 2}\n- command: ./ok.sh\n- command: [./ok.sh, 2]",
    );
    expect(checks.map(({ name, target }) => [name, target])).toEqual([
      ["http", { kind: "http", http: { ...app, path: "/health", method: "GET", headers: {}, status: [[200, 299]] } }],
      ["tcp", { kind: "tcp", tcp: app }],
      ["tcp-3", { kind: "tcp", tcp: { ...app, port: 1 } }],
      ["tcp-2", { kind: "tcp", tcp: { ...app, port: 2 } }],
      ["command", { kind: "command", argv: ["/bin/sh", "-c", "./ok.sh"] }],
      ["command-2", { kind: "command", argv: ["./ok.sh", "2"] }],
    ]);
    expect(load("checks: [{command: x}]").checks.map(({ name }) => name)).toEqual(["command"]);
  });

  it("take everything that a check can be told", () => {
    const certificate = createHostCertificate("orders");
    try {
      const tls = `tls: {ca: ${certificate.caFile}, serverName: orders, insecure: false}`;
      const http = `http: {host: other, port: 1, path: /x, method: HEAD, headers: {a: b}, expect: {status: [200, 3xx, 401-403], body: ok, matches: 'a+'}, ${tls}}`;
      const times = "interval: 1s, timeout: 2s, initialDelay: 3s, failureThreshold: 4, recoveryThreshold: 5";
      const loaded = load(`checks:\n- {name: deep, ${http}, ${times}}\n- {grpc: {service: a.B, ${tls}}}`);
      const trust = { ca: certificate.caFile, serverName: "orders", insecure: false };
      expect(loaded.checks).toMatchObject([
        {
          name: "deep",
          target: {
            http: {
              host: "other",
              port: 1,
              path: "/x",
              method: "HEAD",
              headers: { a: "b" },
              status: [
                [200, 200],
                [300, 399],
                [401, 403],
              ],
              body: "ok",
              matches: /a+/u,
              tls: trust,
            },
          },
          interval: 1_000,
          timeout: 2_000,
          initialDelay: 3_000,
          failureThreshold: 4,
          recoveryThreshold: 5,
        },
        { name: "grpc", target: { grpc: { ...app, service: "a.B", tls: trust } } },
      ]);
      const printed = printConfig(agentOptions, loaded.values, loaded.origins);
      expect(printed).toContain("(secret)");
      expect(printed).toMatch(/status: \[ "?200"?, 3xx, 401-403 \]/);
    } finally {
      certificate.remove();
    }
  });

  it.each([
    ["checks: [{name: a}]", /service.yaml:4: health.checks\[0\]: this check looks at nothing. Add one of http, tcp, grpc and command/],
    ["checks:\n- http: {path: /x}\n  tcp: {}", /service.yaml:5: health.checks\[0\]: this check has both http and tcp. Make two/],
    ["checks:\n- htpp: {path: /x}", /service.yaml:5: health.checks\[0\].htpp: there is no such key. Did you mean http\?/],
    ["checks:\n- http: {}", /service.yaml:5: health.checks\[0\].http.path: the value is missing/],
    ["checks:\n- http: {path: x}", /health.checks\[0\].http.path: "x" is not a path. Begin it with \//],
    ["checks:\n- http: {path: /ü}", /is not a path.*as %xx/],
    [
      "checks:\n- http:\n    path: /x\n    expect: {status: [2x]}",
      /service.yaml:7: health.checks\[0\].http.expect.status: .* is no list of status codes/,
    ],
    ["checks:\n- http: {path: /x, expect: {status: [300-200]}}", /is no list of status codes. Write \[200, 300-399\] or 2xx/],
    ["checks:\n- http: {path: /x, expect: {matches: '('}}", /expect.matches: "\(" is no regular expression.*Mend it/],
    ["checks:\n- http: {path: /x, headers: {'a b': c}}", /headers: the value is not a map of headers/],
    ["checks:\n- http: {path: /x, method: 'G T'}", /method: "G T" is not a method/],
    ["checks:\n- http: {path: /x, tls: {ca: /no/such.pem}}", /tls.ca: .*cannot be read \(ENOENT\). Name a PEM file that can/],
    ["checks:\n- http: {path: /x, tls: {ca: /etc/passwd}}", /tls.ca: .*holds no certificate in PEM/],
    ["checks:\n- tcp: {port: 99999}", /tcp.port: 99999 is not a whole number from 1 to 65535/],
    ["checks:\n- command: {a: b}", /health.checks\[0\].command: .*is not a command/],
    ["checks:\n- {name: heartbeat, tcp: {}}", /name: "heartbeat" is not a name for a check/],
    ["checks:\n- {name: a, tcp: {}}\n- {name: a, tcp: {}}", /health.checks: the name "a" is given twice/],
    ["checks:\n- {tcp: {}, interval: 1ms}", /interval: "1ms" is too short. Write 100ms or more/],
    ["checks: {tcp: {}}", /service.yaml:4: health.checks: .*is not a list. Begin each of its maps with "- "/],
    ["http: {method: HEAD, port: 3}", /health.http.path: the value is missing, but health.http has more/],
    ["tcp: false", /service.yaml:4: health.tcp: no check is left/],
    ["jitter: 2", /health.jitter: 2 is not a number from 0 to 0.5/],
  ])("are refused with place and fix: %j", (health, message) => expect(refusal(health)).toMatch(message));
});
