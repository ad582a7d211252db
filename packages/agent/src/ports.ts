/** Ports: picking free ones that stay the same across restarts, and saying which one is taken. */
import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { splitAddress } from "@legation/contract";
import { LegationError, listenError } from "@legation/runtime";

/** An address to listen on, what for, and the flag that changes it. */
export interface Wanted {
  readonly key: string;
  readonly address: string;
  readonly what: string;
  readonly flag: string;
}

/** Tries whether an address can be listened on; rejects with the error of bind(2). Passed in for tests. */
export type TryBind = (host: string, port: number) => Promise<void>;

/**
 * The real one. It binds and does not listen: callers that know the address of old, and try it in this moment, are refused as they are
 * without it, and not accepted by somebody who hangs up. A socket that is bound has to do something: it calls port 0, where nobody can be.
 */
export const tryBind: TryBind = async (host, port) => {
  const { address } = await lookup(host);
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: address, port: 0, localAddress: address, localPort: port });
    const end = (error?: NodeJS.ErrnoException): void => {
      socket.destroy();
      if (error?.syscall === "bind" || error?.code === "EADDRINUSE") reject(error);
      else resolve();
    };
    socket.once("error", end).setTimeout(1_000, end);
  });
};

/** Rejects with LegationError "process.listen", which names port and flag, when the address is taken. */
export async function checkFree(wanted: Wanted, bind: TryBind = tryBind): Promise<void> {
  const at = splitAddress(wanted.address);
  if (!at) return;
  try {
    await bind(at.host, at.port);
  } catch (error) {
    throw listenError(error, wanted);
  }
}

/**
 * Gives each address with port 0 the port that it had last time, or else picks one that is free and that the kernel does not hand out to
 * outgoing connections. A kept port that somebody else has taken meanwhile is picked anew, unless our own processes may hold it (`held`).
 * None of `reserved` is picked, and what was picked is added to it. A port that an address names, or `named`, is nobody else's, kept or not.
 */
export async function pickPorts<T extends readonly Wanted[]>(
  wanted: T,
  kept: Readonly<Record<string, number>>,
  options: {
    held?: boolean;
    reserved?: Set<number>;
    named?: readonly number[];
    random?: () => number;
    bind?: TryBind;
    ephemeralFrom?: number;
  } = {},
): Promise<{ readonly [K in T[number]["key"]]: string }> {
  const {
    held = false,
    reserved = new Set<number>(),
    named = [],
    random = Math.random,
    bind = tryBind,
    ephemeralFrom = firstEphemeralPort(),
  } = options;
  const taken = new Set([...named, ...wanted.flatMap(({ address }) => splitAddress(address)?.port ?? [])]);
  const out: Record<string, string> = {};
  for (const { key, address, what, flag } of wanted) {
    if (!/:0$/.test(address)) {
      out[key] = address;
      continue;
    }
    const host = address.slice(0, -2);
    const bare = host.replace(/^\[(.*)\]$/, "$1");
    const before = kept[key];
    const port = before !== undefined && !taken.has(before) && (held || (await isFree(before))) ? before : await pick();
    taken.add(port);
    reserved.add(port);
    out[key] = `${host}:${port}`;

    async function isFree(candidate: number): Promise<boolean> {
      return await bind(bare, candidate).then(
        () => true,
        () => false,
      );
    }

    async function pick(): Promise<number> {
      for (let attempt = 0; attempt < 200; attempt++) {
        const candidate = lowestPort + Math.floor(random() * (ephemeralFrom - lowestPort));
        if (taken.has(candidate) || reserved.has(candidate)) continue;
        // Reserved before it is tried: others in this process pick at the same time.
        reserved.add(candidate);
        if (await isFree(candidate)) return candidate;
        reserved.delete(candidate);
      }
      throw new LegationError("process.listen", `no free port was found for ${what} on ${host}. Choose an address with ${flag}`);
    }
  }
  return out as { readonly [K in T[number]["key"]]: string };
}

const lowestPort = 10_000;

function firstEphemeralPort(): number {
  try {
    const first = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").trim().split(/\s+/)[0]);
    return first >= lowestPort + 1_000 ? first : 32_768;
  } catch {
    return 32_768;
  }
}
