/** The control plane's own certificate on disk (0600), so that a start without Consul can be spoken to by TLS. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { CaLeaf } from "@legation/consul";
import { controlPlaneService, serviceIdentityOf } from "@legation/contract";
import { type Clock, codeOf, type Logger, messageOf, writeFileAtomic } from "@legation/runtime";

/** What is kept: the leaf with its key, and the roots by which others were known; PEM. */
export interface KeptLeaf {
  readonly leaf: CaLeaf;
  readonly roots: string;
}

const format = "legation-own-leaf/1";
const words = ["SerialNumber", "CertPEM", "PrivateKeyPEM", "ServiceURI", "ValidAfter", "ValidBefore"] as const;

const file = (stateDir: string) => join(stateDir, "own-leaf.json");

/**
 * Reads it. Undefined when there is none, when it is not valid now, or when it is of another data centre than `datacenter`. One that cannot be
 * understood, or whose key is not the certificate's, is moved aside with an event in the log: a start never fails on it.
 */
export async function readOwnLeaf(
  stateDir: string,
  o: { readonly datacenter: string | undefined; readonly clock: Clock; readonly log: Logger },
): Promise<KeptLeaf | undefined> {
  const path = file(stateDir);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) !== "ENOENT")
      o.log.error({ event: "state.unreadable", path, err: error }, "the kept certificate cannot be read; starting without it");
    return undefined;
  }
  try {
    const kept = decode(text);
    const why = objectionTo(kept.leaf, o.datacenter, o.clock.now());
    if (why === undefined) return kept;
    o.log.info({ event: "state.foreign", path, why }, `the kept certificate is not used: ${why}`);
  } catch (error) {
    const aside = `${path}.corrupt-${o.clock.now()}`;
    await rename(path, aside).catch(() => undefined);
    // What the parser says may quote the text, in which there is a key.
    const why = error instanceof SyntaxError ? "it is no JSON" : messageOf(error);
    o.log.error({ event: "state.corrupt", path, aside, why }, `the kept certificate is damaged (${why}); starting without it`);
  }
  return undefined;
}

function decode(text: string): KeptLeaf {
  const { format: found, leaf, roots } = JSON.parse(text) as { format?: unknown; leaf?: Partial<CaLeaf>; roots?: unknown };
  if (found !== format) throw new Error(`its format is ${JSON.stringify(found)}; this version reads ${format}`);
  const missing = words.find((word) => typeof leaf?.[word] !== "string");
  if (missing !== undefined || typeof roots !== "string" || roots === "") throw new Error(`${missing ?? "roots"} is missing`);
  const whole = leaf as CaLeaf;
  if (!new X509Certificate(whole.CertPEM).checkPrivateKey(createPrivateKey(whole.PrivateKeyPEM)))
    throw new Error("its key is not the certificate's");
  new X509Certificate(roots);
  return { leaf: whole, roots };
}

function objectionTo({ CertPEM, ServiceURI }: CaLeaf, datacenter: string | undefined, now: number): string | undefined {
  const identity = serviceIdentityOf(ServiceURI);
  const { validFrom, validTo } = new X509Certificate(CertPEM);
  if (identity?.service !== controlPlaneService) return `it is for ${ServiceURI}`;
  if (datacenter !== undefined && identity.datacenter !== datacenter) return `it is for the data centre ${identity.datacenter}`;
  if (Date.parse(validTo) <= now) return `it ended at ${validTo}`;
  return Date.parse(validFrom) > now ? `it begins at ${validFrom}` : undefined;
}

/** Writes the newest one, one after the other. */
export interface OwnLeafFile {
  save(kept: KeptLeaf): void;
  /** Resolves when the last one is written. */
  stop(): Promise<void>;
}

/** Makes the writer. A failure is logged, and stops nothing. */
export function createOwnLeafFile(stateDir: string, log: Logger): OwnLeafFile {
  const path = file(stateDir);
  let writing: Promise<void> = Promise.resolve();
  return {
    save({ leaf, roots }) {
      const text = `${JSON.stringify({ format, leaf, roots })}\n`;
      writing = writing
        .then(() => writeFileAtomic(path, text, { mode: 0o600 }))
        .catch((error: unknown) =>
          log.error({ event: "state.write-failed", path, err: error }, "the certificate cannot be kept: a start without Consul has no TLS"),
        );
    },
    stop: () => writing,
  };
}
