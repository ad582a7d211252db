import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createPorts, type Ports } from "./port.js";

const opened: Ports[] = [];
function ports(random?: () => number): Ports {
  const made = createPorts(random ? { random } : {});
  opened.push(made);
  return made;
}
afterEach(async () => {
  for (const one of opened.splice(0)) await one.release();
});

describe("ports", () => {
  it("gives out ports that can be listened on", async () => {
    const server = createServer().listen(await ports().free(), "127.0.0.1");
    await once(server, "listening");
    expect((server.address() as AddressInfo).port).toBeGreaterThan(1_024);
    server.close();
  });

  it("gives no port twice, not even to another mesh that draws the same numbers", async () => {
    const sequence = () => {
      let i = 0;
      return () => (i++ * 7) / 20_000;
    };
    const [a, b] = [ports(sequence()), ports(sequence())];
    const given = [];
    for (let i = 0; i < 10; i++) given.push(await a.free(), await b.free());
    expect(new Set(given).size).toBe(20);
  });

  it("does not claim a port on which somebody listens", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    expect(await ports().claim((server.address() as AddressInfo).port)).toBe(false);
    server.close();
  });

  it("gives a released port out again", async () => {
    const first = ports();
    const port = await first.free();
    expect(await ports().claim(port)).toBe(false);
    await first.release();
    expect(await ports().claim(port)).toBe(true);
  });
});
