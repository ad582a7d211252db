import { ConfigError, loadConfig } from "@legation/runtime";
import { expect, test } from "vitest";
import { consulOptions, controlPlaneOptions, isLoopback, servesPlaintext, stateDirectory } from "./config.js";

const load = (argv: string[] = [], env: Record<string, string> = {}) => loadConfig(controlPlaneOptions, { argv, env });

test("without a word everything listens on loopback and asks the local Consul", () => {
  const { values } = load();
  expect(values.xds).toEqual({ address: "127.0.0.1:18000", insecure: false, plaintext: "loopback" });
  expect(values.http.address).toBe("127.0.0.1:8080");
  expect(consulOptions(values)).toEqual({ address: "http://127.0.0.1:8500", secure: false, verify: true });
});

test("Consul's own variables are taken, and a flag stands above them", () => {
  const env = {
    CONSUL_HTTP_ADDR: "consul:8501",
    CONSUL_HTTP_TOKEN_FILE: "/run/token",
    CONSUL_HTTP_SSL: "true",
    CONSUL_HTTP_SSL_VERIFY: "false",
    CONSUL_CACERT: "/ca.pem",
  };
  const tls = { tokenFile: "/run/token", secure: true, verify: false, caFile: "/ca.pem" };
  expect(consulOptions(load([], env).values)).toEqual({ address: "consul:8501", ...tls });
  const flags = ["--consul-addr", "http://10.0.0.1:8500", "--datacenter", "dc2"];
  expect(consulOptions(load(flags, env).values)).toEqual({ address: "http://10.0.0.1:8500", datacenter: "dc2", ...tls });
});

test("the state directory is the one that was named, or systemd's, or the user's own", () => {
  expect(stateDirectory(load(["--state-dir", "/a"], { STATE_DIRECTORY: "/b" }).values, {})).toBe("/a");
  expect(stateDirectory(load([], { STATE_DIRECTORY: "/b" }).values, {})).toBe("/b");
  expect(stateDirectory(load().values, { XDG_STATE_HOME: "/c" })).toBe("/c/legation/control-plane");
  expect(stateDirectory(load().values, { HOME: "/home/ann" })).toBe("/home/ann/.local/state/legation/control-plane");
});

test.each(["127.0.0.1", "127.3.2.1", "::1", "localhost"])("%s is reached by this machine alone", (host) => {
  expect(isLoopback(host)).toBe(true);
  expect(servesPlaintext(load().values, host)).toBe(true);
  expect(servesPlaintext(load(["--xds-plaintext", "off"]).values, host)).toBe(false);
});

test.each(["0.0.0.0", "::", "10.0.0.1", "127.example.org"])("plain text is not served on %s unless it is asked for", (host) => {
  const flags = ["--xds-addr", host.includes(":") ? `[${host}]:18000` : `${host}:18000`];
  expect(servesPlaintext(load(flags).values, host)).toBe(false);
  expect(servesPlaintext(load([...flags, "--insecure-xds"]).values, host)).toBe(true);
  expect(() => servesPlaintext(load([...flags, "--insecure-xds", "--xds-plaintext", "off"]).values, host)).toThrow(ConfigError);
});
