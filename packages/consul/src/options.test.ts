import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { consulOptionsFromEnv, resolveOptions } from "./options.js";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "consul-options-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const fromEnv = (env: Record<string, string>) => resolveOptions(consulOptionsFromEnv(env));

describe("the environment variables of Consul's own tools", () => {
  test("nothing set means the agent on this machine", () => {
    const options = fromEnv({});
    expect(options.url.href).toBe("http://127.0.0.1:8500/");
    expect(options.headers).toEqual({});
  });

  test.each([
    ["10.0.0.1:8501", undefined, "http://10.0.0.1:8501"],
    ["10.0.0.1:8501", "true", "https://10.0.0.1:8501"],
    ["http://10.0.0.1:8501", "1", "https://10.0.0.1:8501"],
    ["https://consul.example", undefined, "https://consul.example"],
    ["http://consul.example:80", undefined, "http://consul.example"],
    ["[::1]:8500", undefined, "http://[::1]:8500"],
    ["consul", undefined, "http://consul:8500"],
  ])("CONSUL_HTTP_ADDR=%s with CONSUL_HTTP_SSL=%s is %s", (address, ssl, expected) => {
    expect(fromEnv({ CONSUL_HTTP_ADDR: address, ...(ssl ? { CONSUL_HTTP_SSL: ssl } : {}) }).url.origin).toBe(expected);
  });

  test.each(["unix:///run/consul.sock", "http://a:8500/v1", "http://", "a b"])(
    "CONSUL_HTTP_ADDR=%s is refused with what to write",
    (address) => {
      expect(() => fromEnv({ CONSUL_HTTP_ADDR: address })).toThrow(/Write http:\/\/127\.0\.0\.1:8500/);
    },
  );

  test("the token's file stands above the token and loses its line end", () => {
    const file = join(dir, "token");
    writeFileSync(file, "from-file\n");
    expect(fromEnv({ CONSUL_HTTP_TOKEN: "direct" }).headers).toEqual({ "x-consul-token": "direct" });
    expect(fromEnv({ CONSUL_HTTP_TOKEN: "direct", CONSUL_HTTP_TOKEN_FILE: file }).headers).toEqual({ "x-consul-token": "from-file" });
  });

  test("files of TLS are read, and a directory of CAs whole", () => {
    for (const name of ["ca.pem", "cert.pem", "key.pem"]) writeFileSync(join(dir, name), name);
    const { tls } = fromEnv({
      CONSUL_CACERT: join(dir, "ca.pem"),
      CONSUL_CAPATH: dir,
      CONSUL_CLIENT_CERT: join(dir, "cert.pem"),
      CONSUL_CLIENT_KEY: join(dir, "key.pem"),
      CONSUL_TLS_SERVER_NAME: "server.dc1.consul",
      CONSUL_HTTP_SSL_VERIFY: "false",
    });
    expect(tls.ca?.map(String)).toEqual(["ca.pem", "ca.pem", "cert.pem", "key.pem"]);
    expect([String(tls.cert), String(tls.key), tls.servername, tls.rejectUnauthorized]).toEqual([
      "cert.pem",
      "key.pem",
      "server.dc1.consul",
      false,
    ]);
  });

  test("user and password, and the namespace", () => {
    const options = fromEnv({ CONSUL_HTTP_AUTH: "me:secret", CONSUL_NAMESPACE: "team" });
    expect(options.headers).toEqual({ authorization: `Basic ${Buffer.from("me:secret").toString("base64")}` });
    expect(options.query).toEqual({ ns: "team" });
  });

  test("what is wrong is refused with the variable's name", () => {
    expect(() => fromEnv({ CONSUL_HTTP_SSL: "maybe" })).toThrow(/CONSUL_HTTP_SSL is "maybe"; write true or false/);
    expect(() => fromEnv({ CONSUL_CLIENT_CERT: join(dir, "none") })).toThrow(/CONSUL_CLIENT_KEY/);
    expect(() => fromEnv({ CONSUL_HTTP_TOKEN_FILE: join(dir, "none") })).toThrow(/token cannot be read: ENOENT/);
  });
});

test.each(["a\nb", "a b", "tökén"])("a token that no header can carry, %j, is refused before anything is asked", (token) => {
  expect(() => resolveOptions({ token })).toThrow(/the ACL token holds a line break, a space/);
  const tokenFile = join(dir, "token");
  writeFileSync(tokenFile, token);
  expect(() => resolveOptions({ tokenFile })).toThrow(tokenFile);
  writeFileSync(tokenFile, "good\n");
  const resolved = resolveOptions({ tokenFile });
  expect(resolved.headers).toEqual({ "x-consul-token": "good" });
  writeFileSync(tokenFile, `${token} changed`);
  expect(resolved.headers).toEqual({ "x-consul-token": "good" });
});
