/** Certificates for tests: an authority and what it signs, made by the `openssl` command in a directory of their own. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** PEM texts. */
export interface Pair {
  readonly key: string;
  readonly cert: string;
}

/** An authority, and one certificate per name that it signed, valid for 127.0.0.1. */
export interface Authority {
  readonly ca: string;
  readonly issued: Readonly<Record<string, Pair>>;
}

/** Makes an authority and its certificates. Throws when `openssl` cannot be run. */
export function createAuthority(...names: string[]): Authority {
  const directory = mkdtempSync(join(tmpdir(), "legation-ca-"));
  const run = (...args: string[]) => execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
  const read = (file: string) => readFileSync(join(directory, file), "utf8");
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    run("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test authority", "-days", "2");
    writeFileSync(join(directory, "ext"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n");
    const issued = Object.fromEntries(
      names.map((name) => {
        run("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
        run(
          "x509",
          "-req",
          "-in",
          `${name}.csr`,
          "-CA",
          "ca.crt",
          "-CAkey",
          "ca.key",
          "-CAcreateserial",
          "-out",
          `${name}.crt`,
          "-days",
          "2",
          "-extfile",
          "ext",
        );
        return [name, { key: read(`${name}.key`), cert: read(`${name}.crt`) }];
      }),
    );
    return { ca: read("ca.crt"), issued };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
