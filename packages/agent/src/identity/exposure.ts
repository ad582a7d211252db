/** Whether an application can be reached past its Envoy, at an address that is not loopback. */
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import type { Clock } from "@legation/runtime";

/** The addresses of this machine that others may reach. */
export function outsideAddresses(interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces()): string[] {
  const all = Object.values(interfaces).flatMap((addresses) => addresses ?? []);
  // A link-local address of IPv6 cannot be connected to without its interface.
  return all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:")).map(({ address }) => address);
}

const limitMs = 1_000;

/** The first of the addresses at which something takes a connection to the port; undefined where none does. */
export async function exposedAt(addresses: readonly string[], port: number, clock: Clock): Promise<string | undefined> {
  const taken = await Promise.all(addresses.map((host) => takes(host, port, clock)));
  return addresses[taken.indexOf(true)];
}

function takes(host: string, port: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (taken: boolean): void => {
      limit.cancel();
      socket.destroy();
      resolve(taken);
    };
    const limit = clock.timeout(limitMs, () => end(false));
    socket.once("connect", () => end(true));
    socket.on("error", () => end(false));
  });
}
