/** A CA as Consul's agent serves it, for tests: leaves of any life, made by the machine's openssl. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A root and what it signs. */
export interface Issuer {
  /** PEM. */
  readonly root: string;
  /** A new key, and a leaf for a service that is valid from one moment to the other; milliseconds since the epoch. */
  leaf(service: string, from: number, until: number): { readonly chain: string; readonly key: string };
}

/** Makes roots in a directory of their own. */
export interface Issuers {
  issuer(): Issuer;
  remove(): void;
}

/** The trust domain of all leaves. */
export const trustDomain = "11111111-2222-3333-4444-555555555555.consul";

/** Makes them; call `remove` when the tests end. */
export function makeIssuers(): Issuers {
  const folder = mkdtempSync(join(tmpdir(), "legation-issuer-"));
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  const newKey = (name: string): void => openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", name);
  const time = (ms: number): string => new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  let made = 0;
  return {
    issuer() {
      const name = `root-${made++}`;
      newKey(`${name}.key`);
      openssl("req", "-x509", "-new", "-key", `${name}.key`, "-subj", `/CN=${name}`, "-days", "3650", "-out", `${name}.pem`);
      return {
        root: read(`${name}.pem`),
        leaf(service, from, until) {
          const leaf = `leaf-${made++}`;
          newKey(`${leaf}.key`);
          openssl("req", "-new", "-key", `${leaf}.key`, "-subj", `/CN=${service}`, "-out", `${leaf}.csr`);
          const uri = `spiffe://${trustDomain}/ns/default/dc/dc1/svc/${service}`;
          const sections = `[ca]\ndatabase=${leaf}.db\nserial=${leaf}.srl\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\n`;
          writeFileSync(join(folder, `${leaf}.cnf`), `${sections}[any]\ncommonName=supplied\n[leaf]\nsubjectAltName=URI:${uri}\n`);
          writeFileSync(join(folder, `${leaf}.db`), "");
          writeFileSync(join(folder, `${leaf}.srl`), `${(made + 16).toString(16).padStart(4, "0")}\n`);
          const signer = ["-keyfile", `${name}.key`, "-cert", `${name}.pem`, "-startdate", time(from), "-enddate", time(until)];
          const files = ["-config", `${leaf}.cnf`, "-name", "ca", "-extensions", "leaf", "-in", `${leaf}.csr`, "-out", `${leaf}.pem`];
          openssl("ca", "-batch", "-notext", ...files, ...signer);
          return { chain: read(`${leaf}.pem`), key: read(`${leaf}.key`) };
        },
      };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
