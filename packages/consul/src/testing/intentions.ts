/** Intentions of a real Consul, written and asked for as its users do. */
import type { IntentionPermissionRow } from "../intentions.js";
import type { ConsulServer } from "./consul-server.js";

/** An intention to write: for every request alike, or by permissions (Consul 1.9 and later). */
export interface WrittenIntention {
  readonly source: string;
  readonly destination: string;
  readonly rule: "allow" | "deny" | readonly IntentionPermissionRow[];
}

/** The intentions of a Consul. Everything throws with Consul's words when it refuses. */
export interface TestIntentions {
  /** Makes these all intentions that there are; of each pair of names one at most. */
  replace(intentions: readonly WrittenIntention[]): Promise<void>;
  /** Answer of `/v1/connect/intentions/check`. */
  check(from: string, to: string): Promise<boolean>;
  /** Answer of `/v1/agent/connect/authorize` for a caller with this SPIFFE ID. Consul answers from a cache that follows its state. */
  authorize(callerUri: string, to: string): Promise<boolean>;
}

/** Makes them over Consul's HTTP API. */
export function createTestIntentions({ url, version }: Pick<ConsulServer, "url" | "version">, token?: string): TestIntentions {
  const headers: Record<string, string> = token ? { "X-Consul-Token": token } : {};

  async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  /** Consul 1.8 has no configuration entries for intentions. */
  async function replaceRows(intentions: readonly WrittenIntention[]): Promise<void> {
    for (const { ID } of await ask<{ ID: string }[]>("GET", "/connect/intentions")) await ask("DELETE", `/connect/intentions/${ID}`);
    for (const { source, destination, rule } of intentions)
      await ask("POST", "/connect/intentions", { SourceName: source, DestinationName: destination, SourceType: "consul", Action: rule });
  }

  let speaksHttp: Promise<unknown> | undefined;

  async function replaceEntries(intentions: readonly WrittenIntention[]): Promise<void> {
    // Consul takes permissions for services alone that it believes to speak HTTP.
    speaksHttp ??= ask("PUT", "/config", { Kind: "proxy-defaults", Name: "global", Config: { protocol: "http" } });
    await speaksHttp;
    const destinations = new Set(intentions.map(({ destination }) => destination));
    for (const { Name } of await ask<{ Name: string }[]>("GET", "/config/service-intentions"))
      if (!destinations.has(Name)) await ask("DELETE", `/config/service-intentions/${encodeURIComponent(Name)}`);
    for (const destination of destinations) {
      const own = intentions.filter((intention) => intention.destination === destination);
      const Sources = own.map(({ source, rule }) => ({
        Name: source,
        ...(typeof rule === "string" ? { Action: rule } : { Permissions: rule }),
      }));
      await ask("PUT", "/config", { Kind: "service-intentions", Name: destination, Sources });
    }
  }

  return {
    replace: version === "1.8.7" ? replaceRows : replaceEntries,
    async check(from, to) {
      const path = `/connect/intentions/check?source=${encodeURIComponent(from)}&destination=${encodeURIComponent(to)}`;
      return (await ask<{ Allowed: boolean }>("GET", path)).Allowed;
    },
    async authorize(callerUri, to) {
      const asked = { Target: to, ClientCertURI: callerUri, ClientCertSerial: "01" };
      return (await ask<{ Authorized: boolean }>("POST", "/agent/connect/authorize", asked)).Authorized;
    },
  };
}
