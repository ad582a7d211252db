/** Authorities for tests, and the certificates that they sign, as an agent would lay them down for its Envoy. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "@bufbuild/protobuf";
import { certificateFiles } from "@legation/contract";

/** A directory with the `certificateFiles` of a node. */
export interface NodeCertificates {
  readonly directory: string;
  /** PEM texts. */
  readonly leaf: string;
  readonly key: string;
  readonly roots: string;
  /** Puts other roots in the place of those that the node trusts. */
  trust(roots: string): void;
  remove(): void;
}

/** An authority: its own certificate, and what it signs. */
export interface Authority {
  readonly root: string;
  /** Signs a leaf for a SPIFFE ID, valid for a day; `expired`: valid until yesterday. `roots`: what the node trusts, the authority itself unless given. */
  issue(o: { readonly uri: string; readonly expired?: boolean; readonly roots?: string }): NodeCertificates;
}

/** Makes an authority by the `openssl` command. Throws when that cannot be run. */
export function createAuthority(name: string): Authority {
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  return inDirectory((directory, run) => {
    run("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.pem", "-subj", `/CN=${name}`, "-days", "2");
    const [root, rootKey] = [readFileSync(join(directory, "ca.pem"), "utf8"), readFileSync(join(directory, "ca.key"), "utf8")];
    return {
      root,
      issue: ({ uri, expired = false, roots = root }) =>
        inDirectory((work, openssl) => {
          writeFileSync(join(work, "ca.pem"), root);
          writeFileSync(join(work, "ca.key"), rootKey);
          writeFileSync(join(work, "index.txt"), "");
          writeFileSync(join(work, "serial"), randomBytes(8).toString("hex"));
          writeFileSync(join(work, "ca.cnf"), caConfig(uri));
          openssl("req", ...newKey, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf");
          const from = expired ? ["-startdate", utc(-2), "-enddate", utc(-1)] : ["-startdate", utc(-1), "-enddate", utc(1)];
          openssl("ca", "-batch", "-config", "ca.cnf", "-in", "leaf.csr", "-out", "leaf.crt", "-notext", ...from);
          const target = mkdtempSync(join(tmpdir(), "legation-certificates-"));
          copyFileSync(join(work, "leaf.crt"), join(target, certificateFiles.leaf));
          copyFileSync(join(work, "leaf.key"), join(target, certificateFiles.key));
          writeFileSync(join(target, certificateFiles.roots), roots);
          const read = (file: string) => readFileSync(join(target, file), "utf8");
          const trust = (next: string) => {
            writeFileSync(join(target, "next"), next);
            renameSync(join(target, "next"), join(target, certificateFiles.roots));
          };
          const remove = () => rmSync(target, { recursive: true, force: true });
          return { directory: target, leaf: read(certificateFiles.leaf), key: read(certificateFiles.key), roots, trust, remove };
        }),
    };
  });
}

/** A resource in which each directory of certificates is `directory`. */
export function withCertificates(resource: JsonObject, directory: string): JsonObject {
  return JSON.parse(JSON.stringify(resource).replaceAll(/\/run\/legation\/[^"/]+/g, directory)) as JsonObject;
}

function inDirectory<T>(work: (directory: string, run: (...args: string[]) => void) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "legation-ca-"));
  try {
    return work(directory, (...args) => void execFileSync("openssl", args, { cwd: directory, stdio: "pipe" }));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const day = 86_400_000;

function utc(days: number): string {
  return `${new Date(Date.now() + days * day).toISOString().replaceAll(/[-:T]|\.\d+/g, "")}`;
}

function caConfig(uri: string): string {
  return `[ca]
default_ca = self
[self]
certificate = ca.pem
private_key = ca.key
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = optional
[leaf]
subjectAltName = URI:${uri}
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth, clientAuth
`;
}
