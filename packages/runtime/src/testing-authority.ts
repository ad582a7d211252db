/** A certificate authority for tests, with leaves as Consul's CA issues them, made by the machine's `openssl`. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, PEM. */
export interface TestLeaf {
  readonly key: string;
  readonly cert: string;
}

/** Signs leaves. */
export interface TestAuthority {
  /** The root, PEM. */
  readonly ca: string;
  /** A leaf whose names are these URIs alone; one of 0 days has expired when it is made. */
  issue(uris: readonly string[], days?: number): TestLeaf;
}

/** Makes one. Throws when `openssl` cannot be run. */
export function createTestAuthority(): TestAuthority {
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const root = inDirectory((run, read) => {
    run("req", "-x509", ...newKey, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=test authority", "-days", "2");
    return { key: read("ca.key"), cert: read("ca.crt") };
  });
  return {
    ca: root.cert,
    issue: (uris, days = 2) =>
      inDirectory((run, read, write) => {
        write("ca.key", root.key);
        write("ca.crt", root.cert);
        write("ext", uris.length > 0 ? `subjectAltName=${uris.map((uri) => `URI:${uri}`).join(",")}\n` : "basicConstraints=CA:FALSE\n");
        run("req", ...newKey, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf");
        const signed = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", String(days), "-extfile", "ext"];
        run("x509", "-req", "-in", "leaf.csr", "-out", "leaf.crt", ...signed);
        return { key: read("leaf.key"), cert: read("leaf.crt") };
      }),
  };
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
