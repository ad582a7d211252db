import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { checkFree, pickPorts } from "./ports.js";

const wanted = (key: string, address: string) => ({ key, address, what: `the ${key}`, flag: `--${key}` });

describe("ports", () => {
  it("are picked below the range of outgoing connections where 0 was asked for, and left alone elsewhere", async () => {
    const picked = await pickPorts(
      [wanted("a", "127.0.0.1:0"), wanted("b", "127.0.0.1:9")],
      {},
      { random: () => 0.5, ephemeralFrom: 30_000 },
    );
    expect(picked).toEqual({ a: "127.0.0.1:20000", b: "127.0.0.1:9" });
  });

  it("are the same as last time, as long as nobody else has taken them", async () => {
    const free = async (): Promise<void> => {};
    const taken = async (_host: string, port: number): Promise<void> => {
      if (port === 12_345) throw new Error("in use");
    };
    const again = (options: Parameters<typeof pickPorts>[2]) =>
      pickPorts([wanted("a", "[::1]:0")], { a: 12_345 }, { random: () => 0, ...options });
    expect(await again({ bind: free })).toEqual({ a: "[::1]:12345" });
    expect(await again({ bind: taken })).toEqual({ a: "[::1]:10000" });
    expect(await again({ bind: taken, held: true })).toEqual({ a: "[::1]:12345" });
  });

  it("that a configuration names are given up by whoever had picked them before", async () => {
    const options = { random: () => 0, bind: async () => {}, held: true };
    expect(await pickPorts([wanted("a", "127.0.0.1:0")], { a: 12_345 }, { ...options, named: [12_345] })).toEqual({ a: "127.0.0.1:10000" });
    expect(await pickPorts([wanted("a", "127.0.0.1:0"), wanted("b", "127.0.0.1:12345")], { a: 12_345 }, options)).toEqual({
      a: "127.0.0.1:10000",
      b: "127.0.0.1:12345",
    });
  });

  it("are never picked twice, nor where somebody listens", async () => {
    const numbers = [0, 0, 0.1, 0.1, 0.2];
    const bind = async (_host: string, port: number): Promise<void> => {
      if (port === 12_000) throw new Error("in use");
    };
    const options = { random: () => numbers.shift() ?? 0.9, bind, ephemeralFrom: 30_000 };
    expect(await pickPorts([wanted("a", "127.0.0.1:0"), wanted("b", "127.0.0.1:0")], {}, options)).toEqual({
      a: "127.0.0.1:10000",
      b: "127.0.0.1:14000",
    });
  });

  it("of others in this process are left to them, listening or not, and a port that was picked is theirs no more", async () => {
    const reserved = new Set([10_000]);
    const options = { reserved, random: () => 0, bind: async () => {}, ephemeralFrom: 30_000 };
    const numbers = [0, 0.1, 0.1, 0.2];
    const random = () => numbers.shift() ?? 0.9;
    expect(await pickPorts([wanted("a", "127.0.0.1:0")], {}, { ...options, random })).toEqual({ a: "127.0.0.1:12000" });
    expect(await pickPorts([wanted("a", "127.0.0.1:0")], {}, { ...options, random })).toEqual({ a: "127.0.0.1:14000" });
    expect(await pickPorts([wanted("a", "127.0.0.1:0")], { a: 12_000 }, options)).toEqual({ a: "127.0.0.1:12000" });
  });

  it("that are taken are named together with the flag that changes them", async () => {
    const server = createServer();
    const port = await listening(server, "127.0.0.1");
    await expect(checkFree(wanted("inbound-addr", `127.0.0.1:${port}`))).rejects.toThrow(
      new RegExp(`port ${port} is in use .*--inbound-addr`),
    );
    await new Promise((resolve) => server.close(resolve));
    await checkFree(wanted("inbound-addr", `127.0.0.1:${port}`));
  });

  it.each(["0.0.0.0", "::", "127.0.0.1"])("are taken for %s too when somebody listens at all addresses", async (host) => {
    const server = createServer();
    const port = await listening(server, "::");
    await expect(checkFree(wanted("inbound-addr", host === "::" ? `[::]:${port}` : `${host}:${port}`))).rejects.toThrow(/is in use/);
    await new Promise((resolve) => server.close(resolve));
  });

  it("of an address that this machine does not have are refused by its name", async () => {
    await expect(checkFree(wanted("inbound-addr", "192.0.2.77:20000"))).rejects.toThrow(/192\.0\.2\.77 is no address of this machine/);
  });

  it("accept no connection while they are looked at", { timeout: 60_000 }, async () => {
    const server = createServer();
    const port = await listening(server, "127.0.0.1");
    await new Promise((resolve) => server.close(resolve));
    const caller = new Worker(
      `const { connect } = require("node:net"); const { parentPort, workerData } = require("node:worker_threads");
      let refused = 0; let over = false;
      const again = () => {
        if (over) return parentPort.postMessage("done");
        if (refused === 100) parentPort.postMessage("calling");
        connect(workerData, "127.0.0.1", () => parentPort.postMessage("accepted")).on("error", () => { refused += 1; setImmediate(again); });
      };
      parentPort.once("message", () => { over = true; });
      again();`,
      { eval: true, workerData: port },
    );
    try {
      expect(await nextWord(caller)).toBe("calling");
      const word = nextWord(caller);
      for (let turn = 0; turn < 2_000; turn++) await checkFree(wanted("inbound-addr", `127.0.0.1:${port}`));
      caller.postMessage("stop");
      expect(await word).toBe("done");
    } finally {
      await caller.terminate();
    }
  });
});

function listening(server: Server, host: string): Promise<number> {
  return new Promise((resolve) => server.listen(0, host, () => resolve((server.address() as AddressInfo).port)));
}

async function nextWord(worker: Worker): Promise<unknown> {
  return ((await once(worker, "message")) as [unknown])[0];
}
