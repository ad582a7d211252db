/** What tests do to a Consul's CA. */
import { generateKeyPairSync } from "node:crypto";

/** Gives the built-in CA another key, and with it a new root; resolves when Consul has taken it. `url` is that of its HTTP API. */
export async function rotateRoot(url: string, token?: string): Promise<void> {
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "sec1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const answer = await fetch(`${url}/v1/connect/ca/configuration`, {
    method: "PUT",
    body: JSON.stringify({ Provider: "consul", Config: { PrivateKey: privateKey } }),
    ...(token ? { headers: { "x-consul-token": token } } : {}),
  });
  if (!answer.ok) throw new Error(`Consul did not take another root: ${answer.status} ${await answer.text()}`);
}
