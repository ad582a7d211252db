import { createServer as createHttp } from "node:http";
import { createServer as createHttp2 } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { systemClock } from "@legation/runtime";
import { afterEach, describe, expect, it } from "vitest";
import { tryPlaintext } from "./plaintext.js";

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function serve(server: Server): Promise<number> {
  servers.push(server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => {}))));
  return await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)));
}

const attempt = (port: number, signal = new AbortController().signal): Promise<string | undefined> =>
  tryPlaintext({ host: "127.0.0.1", port, clock: systemClock, signal });

describe("plain text to an address", () => {
  it("is taken by a server of HTTP/2 and by one of HTTP/1, and is no request", async () => {
    let requests = 0;
    expect(await attempt(await serve(createHttp2(() => requests++) as unknown as Server))).toBeUndefined();
    expect(await attempt(await serve(createHttp(() => requests++)))).toBeUndefined();
    expect(requests).toBe(0);
  });

  it("is not taken where the connection is closed without a word", async () => {
    expect(await attempt(await serve(createServer((socket) => void socket.once("data", () => socket.destroy()))))).toMatch(
      /^closed the connection/,
    );
  });

  it("ends with its signal", async () => {
    const port = await serve(createServer());
    const given = new AbortController();
    const trying = attempt(port, given.signal);
    given.abort(new Error("overtaken"));
    await expect(trying).rejects.toThrow("overtaken");
  });
});
