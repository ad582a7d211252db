/** Builds the bench's peer on go-control-plane, where Go is installed; what was built is kept in `.tools/xds-peer`. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../../../bench/xds/peer/", import.meta.url));
const tools = fileURLToPath(new URL("../../../../.tools/xds-peer/", import.meta.url));
const files = ["main.go", "go.mod", "go.sum"];

/**
 * The path of the peer in `directory`, built first if it is not there or its source has changed. Undefined when it cannot be built; then
 * standard error says why and what to do.
 */
export function buildPeer(directory = tools): string | undefined {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(join(source, file)));
  const binary = join(directory, `peer-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(binary)) return binary;
  try {
    execFileSync("go", ["version"], { stdio: "ignore" });
  } catch {
    return without("Go is not on the PATH. To compare with go-control-plane, install Go 1.26 or newer from https://go.dev/dl");
  }
  mkdirSync(directory, { recursive: true });
  const work = mkdtempSync(join(directory, "build-"));
  try {
    for (const file of files) cpSync(join(source, file), join(work, file));
    process.stderr.write("Building the peer on go-control-plane (a minute or two, once) …\n");
    execFileSync("go", ["build", "-buildvcs=false", "-o", "peer", "."], { cwd: work, stdio: ["ignore", "inherit", "inherit"] });
    renameSync(join(work, "peer"), binary);
    return binary;
  } catch {
    return without(`"go build" in ${source} failed, as said above. It needs the modules of its go.mod: check the network, or GOPROXY`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function without(reason: string): undefined {
  process.stderr.write(`${reason}; go-control-plane is left out of this run.\n`);
  return undefined;
}
