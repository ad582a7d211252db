/** Free ports on loopback that stay free for their user until it listens, also between several meshes on one machine. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { LegationError } from "@legation/runtime";

/** Ports held for one mesh. */
export interface Ports {
  /** A TCP port of 127.0.0.1 on which nothing listens, and which no other `Ports` on this machine gives out before `release`. */
  free(): Promise<number>;
  /** This port if it is free, and then held like a free one; otherwise false. */
  claim(port: number): Promise<boolean>;
  /** Gives all of them back. */
  release(): Promise<void>;
}

const lowest = 10_240;
const tries = 500;

/**
 * Ports come from below the range that the system gives to outgoing connections, so that a process can restart on its port. A port is
 * held by a listener on the same port of another loopback address, where the system has one.
 */
export function createPorts({ random = Math.random, guard = "127.0.0.77" }: { random?: () => number; guard?: string } = {}): Ports {
  const held = new Map<number, Server | undefined>();

  async function claim(port: number): Promise<boolean> {
    if (held.has(port)) return false;
    held.set(port, undefined);
    const lock = await listen(guard, port);
    if (lock === "in-use" || !(await isFree(port))) {
      if (typeof lock === "object") await close(lock);
      held.delete(port);
      return false;
    }
    held.set(port, typeof lock === "object" ? lock : undefined);
    return true;
  }

  return {
    claim,
    async free() {
      const highest = lowestOutgoing();
      for (let i = 0; i < tries; i++) {
        const port = lowest + Math.floor(random() * (highest - lowest));
        if (await claim(port)) return port;
      }
      throw new LegationError("local.ports", `found no free port between ${lowest} and ${highest} in ${tries} tries`);
    },
    async release() {
      const locks = [...held.values()];
      held.clear();
      await Promise.all(locks.map((lock) => lock && close(lock)));
    },
  };
}

async function isFree(port: number): Promise<boolean> {
  const server = await listen("127.0.0.1", port);
  if (typeof server !== "object") return false;
  await close(server);
  return true;
}

function listen(host: string, port: number): Promise<Server | "in-use" | "no-address"> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "EADDRNOTAVAIL" ? "no-address" : "in-use"));
    server.listen({ host, port, exclusive: true }, () => resolve(server.unref()));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function lowestOutgoing(): number {
  try {
    const [low] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/);
    return Math.min(32_768, Math.max(Number(low), lowest + 2_000));
  } catch {
    return 32_768;
  }
}
