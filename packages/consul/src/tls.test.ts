import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createConsul } from "./consul.js";
import { consulOptionsFromEnv } from "./options.js";
import { findConsulBinary, newestConsul } from "./testing/index.js";

let dir = "";
let server: Server;
let address = "";
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "consul-tls-"));
  const binary = findConsulBinary(newestConsul());
  for (const what of [
    ["ca", "create"],
    ["cert", "create", "-server"],
    ["cert", "create", "-client"],
  ])
    execFileSync(binary, ["tls", ...what], { cwd: dir, stdio: "ignore" });
  server = createServer(
    {
      ca: readFileSync(join(dir, "consul-agent-ca.pem")),
      cert: readFileSync(join(dir, "dc1-server-consul-0.pem")),
      key: readFileSync(join(dir, "dc1-server-consul-0-key.pem")),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (_, response) => response.writeHead(200, { "content-type": "application/json" }).end('"over TLS"'),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function read(env: Record<string, string>): Promise<unknown> {
  const consul = createConsul(consulOptionsFromEnv({ CONSUL_HTTP_ADDR: address, CONSUL_HTTP_SSL: "true", ...env }));
  return consul
    .get("/agent/self")
    .then(({ data }) => data)
    .finally(() => consul.close());
}

test("a Consul that asks for a client certificate is spoken to with the files of the environment", async () => {
  const certificate = {
    CONSUL_CLIENT_CERT: join(dir, "dc1-client-consul-0.pem"),
    CONSUL_CLIENT_KEY: join(dir, "dc1-client-consul-0-key.pem"),
  };
  const ca = { CONSUL_CACERT: join(dir, "consul-agent-ca.pem") };
  expect(await read({ ...ca, ...certificate })).toBe("over TLS");
  expect(await read({ ...ca, ...certificate, CONSUL_TLS_SERVER_NAME: "server.dc1.consul" })).toBe("over TLS");
  expect(await read({ ...certificate, CONSUL_HTTP_SSL_VERIFY: "false" })).toBe("over TLS");
  await expect(read({ ...ca, ...certificate, CONSUL_TLS_SERVER_NAME: "other" })).rejects.toMatchObject({
    code: "consul.unreachable",
    message: expect.stringContaining("altnames"),
  });
  await expect(read(certificate)).rejects.toMatchObject({ message: expect.stringContaining("CONSUL_CACERT") });
  await expect(read(ca)).rejects.toMatchObject({ code: "consul.unreachable", message: expect.stringContaining("CONSUL_CLIENT_CERT") });
});
