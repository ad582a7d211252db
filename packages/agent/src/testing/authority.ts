/** A certificate for tests of TLS, made by the machine's openssl, and gone with them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A self-signed certificate, which is its own authority. */
export interface Authority {
  readonly key: Buffer;
  readonly cert: Buffer;
  readonly caFile: string;
  readonly remove: () => void;
}

/** Makes one for a host name. */
export function makeAuthority(name: string): Authority {
  const folder = mkdtempSync(join(tmpdir(), "legation-authority-"));
  const [keyFile, caFile] = [join(folder, "key.pem"), join(folder, "ca.pem")];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const names = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
  execFileSync("openssl", ["req", "-x509", ...kind, ...names, "-keyout", keyFile, "-out", caFile], { stdio: "ignore" });
  return {
    key: readFileSync(keyFile),
    cert: readFileSync(caFile),
    caFile,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
