import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { createTestClock } from "@legation/runtime/testing";
import fastify from "fastify";
import { expect, test } from "vitest";
import { createSecureServer } from "./secure-server.js";

test.each([
  ["that has said nothing", Buffer.alloc(0)],
  ["in the middle of a request", Buffer.from("GET / HT")],
])("a client %s keeps the API from closing no longer", async (_what, bytes) => {
  const server = createSecureServer({ events: { report: () => undefined }, clock: createTestClock() });
  const app = fastify({ serverFactory: server.factory, forceCloseConnections: true });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const accepted = once(app.server, "connection");
  const client = connect(port, "127.0.0.1");
  client.on("error", () => undefined);
  client.write(bytes);
  await accepted;
  const closed = new Promise((resolve) => client.once("close", resolve));
  client.resume();
  await app.close();
  await closed;
  expect(app.server.listening).toBe(false);
});
