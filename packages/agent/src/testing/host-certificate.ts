/** The certificate of a host name and the file of its authority, as a check of TLS is configured with. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestAuthority, type TestLeaf } from "@legation/runtime/testing";

/** See the file's sentence. */
export interface HostCertificate extends TestLeaf {
  readonly caFile: string;
  /** Removes the file. */
  readonly remove: () => void;
}

/** Makes one; call `remove` when the test ends. */
export function createHostCertificate(name: string): HostCertificate {
  const authority = createTestAuthority();
  const folder = mkdtempSync(join(tmpdir(), "legation-host-"));
  const caFile = join(folder, "ca.pem");
  writeFileSync(caFile, authority.ca);
  return { ...authority.issue([name]), caFile, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
