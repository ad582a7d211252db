import { createServer } from "node:net";
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
    expect(await again({ listen: free })).toEqual({ a: "[::1]:12345" });
    expect(await again({ listen: taken })).toEqual({ a: "[::1]:10000" });
    expect(await again({ listen: taken, held: true })).toEqual({ a: "[::1]:12345" });
  });

  it("are never picked twice, nor where somebody listens", async () => {
    const numbers = [0, 0, 0.1, 0.1, 0.2];
    const listen = async (_host: string, port: number): Promise<void> => {
      if (port === 12_000) throw new Error("in use");
    };
    const options = { random: () => numbers.shift() ?? 0.9, listen, ephemeralFrom: 30_000 };
    expect(await pickPorts([wanted("a", "127.0.0.1:0"), wanted("b", "127.0.0.1:0")], {}, options)).toEqual({
      a: "127.0.0.1:10000",
      b: "127.0.0.1:14000",
    });
  });

  it("of others in this process are left to them, listening or not, and a port that was picked is theirs no more", async () => {
    const reserved = new Set([10_000]);
    const options = { reserved, random: () => 0, listen: async () => {}, ephemeralFrom: 30_000 };
    const numbers = [0, 0.1, 0.1, 0.2];
    const random = () => numbers.shift() ?? 0.9;
    expect(await pickPorts([wanted("a", "127.0.0.1:0")], {}, { ...options, random })).toEqual({ a: "127.0.0.1:12000" });
    expect(await pickPorts([wanted("a", "127.0.0.1:0")], {}, { ...options, random })).toEqual({ a: "127.0.0.1:14000" });
    expect(await pickPorts([wanted("a", "127.0.0.1:0")], { a: 12_000 }, options)).toEqual({ a: "127.0.0.1:12000" });
  });

  it("that are taken are named together with the flag that changes them", async () => {
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port)),
    );
    await expect(checkFree(wanted("inbound-addr", `127.0.0.1:${port}`))).rejects.toThrow(
      new RegExp(`port ${port} is in use .*--inbound-addr`),
    );
    await new Promise((resolve) => server.close(resolve));
    await checkFree(wanted("inbound-addr", `127.0.0.1:${port}`));
  });
});
