/** A certificate authority for tests, with leaves of any names and any life, made by the machine's `openssl`. */
import { execFileSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, PEM. */
export interface TestLeaf {
  readonly key: string;
  readonly cert: string;
}

/** From when until when a leaf is valid, milliseconds since the epoch. */
export interface TestLife {
  readonly from: number;
  readonly until: number;
}

/** Signs leaves. */
export interface TestAuthority {
  /** The root, PEM. */
  readonly ca: string;
  /**
   * A leaf with a key of its own and these names alone: URIs such as the SPIFFE IDs of Consul's CA, IP addresses and host names. Valid for two
   * days from now unless given.
   */
  issue(names: readonly string[], life?: TestLife): TestLeaf;
}

const dayMs = 24 * 3_600_000;
const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes one. Throws when `openssl` cannot be run. */
export function createTestAuthority(): TestAuthority {
  const root = inDirectory((run, read) => {
    // Roots of one name are taken for one another.
    run("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.crt", "-subj", `/CN=test authority ${randomUUID()}`, "-days", "2");
    return { key: read("ca.key"), cert: read("ca.crt") };
  });
  return {
    ca: root.cert,
    issue: (names, { from, until } = { from: Date.now(), until: Date.now() + 2 * dayMs }) =>
      inDirectory((run, read, write) => {
        write("ca.key", root.key);
        write("ca.crt", root.cert);
        write("index", "");
        write("serial", `01${randomBytes(8).toString("hex")}\n`);
        write("ca.cnf", configurationOf(names));
        run("req", ...newKey, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf");
        const signer = ["-keyfile", "ca.key", "-cert", "ca.crt", "-startdate", timeOf(from), "-enddate", timeOf(until)];
        run("ca", "-batch", "-notext", "-config", "ca.cnf", "-name", "ca", "-in", "leaf.csr", "-out", "leaf.crt", ...signer);
        return { key: read("leaf.key"), cert: read("leaf.crt") };
      }),
  };
}

function configurationOf(names: readonly string[]): string {
  const extension = names.length > 0 ? `subjectAltName=${names.map(alternativeName).join(",")}` : "basicConstraints=CA:FALSE";
  const ca = ["[ca]", "database=index", "serial=serial", "new_certs_dir=.", "default_md=sha256", "policy=any", "x509_extensions=leaf"];
  return [...ca, "[any]", "commonName=supplied", "[leaf]", extension, ""].join("\n");
}

function alternativeName(name: string): string {
  if (name.includes("://")) return `URI:${name}`;
  return isIP(name) ? `IP:${name}` : `DNS:${name}`;
}

/** As `openssl ca` reads it: YYYYMMDDHHMMSSZ. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
}

type Step = (run: (...args: string[]) => void, read: (file: string) => string, write: (file: string, text: string) => void) => TestLeaf;

function inDirectory(step: Step): TestLeaf {
  const cwd = mkdtempSync(join(tmpdir(), "legation-authority-"));
  try {
    return step(
      (...args) => void execFileSync("openssl", args, { cwd, stdio: "pipe" }),
      (file) => readFileSync(join(cwd, file), "utf8"),
      (file, text) => writeFileSync(join(cwd, file), text),
    );
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}
