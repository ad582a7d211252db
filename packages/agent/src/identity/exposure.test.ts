import { createServer, type Server } from "node:net";
import { systemClock } from "@legation/runtime";
import { afterEach, expect, it } from "vitest";
import { exposedAt, outsideAddresses } from "./exposure.js";

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

async function listenAt(host: string): Promise<number> {
  const server = createServer((socket) => void socket.destroy());
  servers.push(server);
  return await new Promise((resolve) => server.listen(0, host, () => resolve((server.address() as { port: number }).port)));
}

it("names the address at which an application takes connections, and none where it takes none", async () => {
  const port = await listenAt("127.0.0.3");
  expect(await exposedAt(["127.0.0.2", "127.0.0.3"], port, systemClock)).toBe("127.0.0.3");
  expect(await exposedAt(["127.0.0.2", "127.0.0.4"], port, systemClock)).toBeUndefined();
  expect(await exposedAt([], port, systemClock)).toBeUndefined();
});

it("tries the addresses that others may reach", () => {
  const of = (address: string, internal: boolean) => ({ address, internal, netmask: "", mac: "", cidr: null });
  const interfaces = {
    lo: [{ ...of("127.0.0.1", true), family: "IPv4" as const }],
    eth0: [
      { ...of("10.0.0.7", false), family: "IPv4" as const },
      { ...of("fe80::1", false), family: "IPv6" as const, scopeid: 2 },
      { ...of("2001:db8::7", false), family: "IPv6" as const, scopeid: 0 },
    ],
  };
  expect(outsideAddresses(interfaces)).toEqual(["10.0.0.7", "2001:db8::7"]);
});
