/** `ready.json`: what an agent or a control plane writes into its state directory once it can be used. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What an agent writes once its instance is registered and passing, and again when a pid changes. Addresses are `host:port`. */
export interface AgentReady {
  readonly id: string;
  /** The Consul node that the instance is registered on. */
  readonly node: string;
  readonly admin: string;
  readonly envoyAdmin: string;
  readonly inbound: string;
  readonly outbound: string;
  readonly pids: { readonly agent: number; readonly app?: number; readonly envoy?: number };
}

/** The file's content, or undefined while it is not there. */
export async function readReady<T>(stateDir: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(join(stateDir, "ready.json"), "utf8")) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
