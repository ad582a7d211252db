/** `<state-dir>/admin.json`: where the agent's API is and the token for it, for the commands on this machine. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Access } from "./access.js";
import { socketPath } from "./address.js";

/** The file's name. */
export const contactFile = "admin.json";

/** Its content. */
export interface Contact {
  /** `host:port` or `unix:/path`; where several services share an API, with the path of this one behind it: `host:port/…`, `unix:/path:/…`. */
  readonly address: string;
  readonly token: string;
}

/** Reads the contact of a state directory; undefined when there is none. */
export function readContact(stateDir: string): Contact | undefined {
  try {
    const { address, token } = JSON.parse(readFileSync(join(stateDir, contactFile), "utf8")) as Partial<Contact>;
    return typeof address === "string" && typeof token === "string" && token !== "" ? { address, token } : undefined;
  } catch {
    return undefined;
  }
}

/** Who may use the API at the contact's address: on a Unix socket its mode says so, elsewhere the token does. */
export function accessOf({ address, token }: Contact, stateDir: string): Access {
  const tokenFile = join(stateDir, contactFile);
  return socketPath(address) === undefined ? { token, tokenFile } : { tokenFile };
}

/** The contact for this start: the token of the last one, or a fresh one of 256 bits. */
export function contactOf(stateDir: string, address: string): Contact {
  return { address, token: readContact(stateDir)?.token ?? randomBytes(32).toString("base64url") };
}
