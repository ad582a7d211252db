/**
 * The certificate's files. Readers see leaf, key and roots of one version or of another, never of two: the files are links through `current`,
 * and a version comes into place by one rename of that link, which also wakes Envoy's watch on the directory.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { certificateFiles, secretNames } from "@legation/contract";
import { certificateBlocks, type LeafPems } from "./certificate.js";

/** One version of the files, in PEM. */
export interface CertificateSet {
  readonly leaf: LeafPems;
  readonly roots: readonly string[];
}

const { leaf: leafFile, key: keyFile, roots: rootsFile, leafSecret, rootsSecret } = certificateFiles;
const link = "current";
const versionPrefix = "version-";

/** Puts a version into place. Throws Node's error when that is not possible; then the version before stands. */
export function writeCertificates(directory: string, { leaf, roots }: CertificateSet): void {
  const before = targetOf(join(directory, link));
  const version = `${versionPrefix}${randomBytes(8).toString("hex")}`;
  const write = (path: string, text: string, mode: number): void => {
    writeFileSync(path, text, { mode });
    chmodSync(path, mode);
  };
  try {
    mkdirSync(join(directory, version), { mode: 0o700 });
    write(join(directory, version, leafFile), withNewline(leaf.chain), 0o644);
    write(join(directory, version, keyFile), withNewline(leaf.key), 0o600);
    write(join(directory, version, rootsFile), roots.map(withNewline).join(""), 0o644);
    point(directory, link, version);
  } catch (error) {
    // What is tried again and again must not fill what is full already.
    rmSync(join(directory, version), { recursive: true, force: true });
    throw error;
  }
  for (const file of [leafFile, keyFile, rootsFile])
    if (targetOf(join(directory, file)) !== `${link}/${file}`) point(directory, file, `${link}/${file}`);
  for (const [file, secret] of Object.entries(secretsOf(directory))) {
    const path = join(directory, file);
    if (existsSync(path) && readFileSync(path, "utf8") === secret) continue;
    write(`${path}.new`, secret, 0o600);
    renameSync(`${path}.new`, path);
  }
  // Who has just opened the version before can still read all of it.
  for (const entry of readdirSync(directory))
    if (entry.startsWith(versionPrefix) && entry !== version && entry !== before)
      rmSync(join(directory, entry), { recursive: true, force: true });
}

/** What stands in the directory; undefined when something is missing. */
export function readCertificates(directory: string): CertificateSet | undefined {
  try {
    const version = join(directory, readlinkSync(join(directory, link)));
    const read = (file: string): string => readFileSync(join(version, file), "utf8");
    return { leaf: { chain: read(leafFile), key: read(keyFile) }, roots: certificateBlocks(read(rootsFile)) };
  } catch {
    return undefined;
  }
}

/** The SDS files for Envoy's own connection to its control planes, by name: each points to PEM files and to the directory to watch. */
export function secretsOf(directory: string): Readonly<Record<string, string>> {
  const file = (name: string) => ({ filename: join(directory, name) });
  const secret = (name: string, content: object): string =>
    `${JSON.stringify({
      resources: [{ "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret", name, ...content }],
    })}\n`;
  const watchedDirectory = { path: directory };
  return {
    [leafSecret]: secret(secretNames.leaf, {
      tlsCertificate: { certificateChain: file(leafFile), privateKey: file(keyFile), watchedDirectory },
    }),
    [rootsSecret]: secret(secretNames.roots, { validationContext: { trustedCa: file(rootsFile), watchedDirectory } }),
  };
}

function point(directory: string, name: string, target: string): void {
  const fresh = join(directory, `.${name}.new`);
  rmSync(fresh, { force: true });
  symlinkSync(target, fresh);
  renameSync(fresh, join(directory, name));
}

function targetOf(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}

function withNewline(pem: string): string {
  return pem.endsWith("\n") ? pem : `${pem}\n`;
}
