import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import { createTcpProbe } from "./tcp-probe.js";

describe("a TCP check", () => {
  it("passes when a connection is accepted, and closes it", async () => {
    let closed: () => void = () => {};
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const server = createServer((socket) => socket.on("error", () => {}).once("close", closed));
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
    );
    const probe = createTcpProbe({ host: "127.0.0.1", port });
    expect(await probe.look().result).toEqual({ outcome: "pass", message: `TCP 127.0.0.1:${port} passes` });
    await gone;
    await new Promise((resolve) => server.close(resolve));
    expect(await probe.look().result).toEqual({ outcome: "fail", message: `TCP 127.0.0.1:${port} refused the connection` });
  });

  it("can be given up while nobody answers", async () => {
    const look = createTcpProbe({ host: "192.0.2.1", port: 9 }).look();
    look.cancel();
    expect((await look.result).outcome).toBe("fail");
  });
});
