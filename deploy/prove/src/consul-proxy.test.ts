import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type ConsulProxy, startConsulProxy } from "./consul-proxy.js";

let consul: Server;
let proxy: ConsulProxy;
beforeEach(async () => {
  consul = createServer((request, response) => {
    if (request.url !== "/blocking") response.end(`${request.method} ${request.url}`);
  });
  await new Promise<void>((resolve) => consul.listen(0, "127.0.0.1", resolve));
  proxy = await startConsulProxy(`http://127.0.0.1:${(consul.address() as AddressInfo).port}`, 0);
});
afterEach(async () => {
  await proxy.close();
  consul.closeAllConnections();
  consul.close();
});

const ask = (path: string, timeoutMs = 5_000) =>
  fetch(proxy.url + path, { method: "PUT", body: "x", signal: AbortSignal.timeout(timeoutMs) }).then(
    async (answer) => `${answer.status} ${await answer.text()}`,
    (error: Error & { cause?: { code?: string } }) => error.cause?.code ?? error.name,
  );

it("answers as Consul does, as a sick one, and as Consul again", async () => {
  expect(await ask("/v1/a?b")).toBe("200 PUT /v1/a?b");
  proxy.set("error");
  expect(await ask("/v1/a")).toBe("500 rpc error making call: No cluster leader");
  proxy.set("reset");
  expect(["ECONNRESET", "UND_ERR_SOCKET"]).toContain(await ask("/v1/a"));
  proxy.set("hang");
  expect(await ask("/v1/a", 50)).toBe("TimeoutError");
  proxy.set("through");
  expect(await ask("/v1/a")).toBe("200 PUT /v1/a");
});

it("strikes a blocking query that is under way", async () => {
  const blocking = ask("/blocking");
  expect(await ask("/v1/a")).toBe("200 PUT /v1/a");
  proxy.set("error");
  expect(await blocking).toBe("500 rpc error making call: No cluster leader");
});
