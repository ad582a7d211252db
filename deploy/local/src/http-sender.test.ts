import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { httpSender } from "./http-sender.js";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

describe("the HTTP sender", () => {
  it("names the instances that answered, and keeps its connection", async () => {
    const connections = new Set();
    const url = await serve((request, response) => {
      connections.add(request.socket);
      response.setHeader("x-answered-by", "web-1, orders-2").end("hello");
    });
    const sender = httpSender({ url });
    for (let i = 0; i < 5; i++) expect(await sender.send()).toEqual({ ok: true, answeredBy: ["web-1", "orders-2"] });
    expect(connections.size).toBe(1);
    sender.close();
  });

  it("takes 5xx for a failure, with the start of the body as its reason", async () => {
    const sender = httpSender({ url: await serve((_, response) => response.writeHead(503).end("no healthy upstream")) });
    expect(await sender.send()).toEqual({ ok: false, reason: "503 no healthy upstream", answeredBy: [] });
    sender.close();
  });

  it("takes a refused connection, a broken answer and silence for failures", async () => {
    const url = await serve(() => undefined);
    const silent = httpSender({ url, timeoutMs: 30 });
    expect(await silent.send()).toEqual({ ok: false, reason: "no answer within 0.03 s" });
    const broken = httpSender({ url: await serve((_, response) => response.writeHead(200).write("half", () => response.destroy())) });
    expect(await broken.send()).toMatchObject({ ok: false, reason: "200, then the connection broke" });
    const dead = await serve(() => undefined);
    servers.pop()?.close();
    expect(await httpSender({ url: dead }).send()).toEqual({ ok: false, reason: "ECONNREFUSED" });
    silent.close();
    broken.close();
  });
});
