/** Builds the bench's peer on go-control-plane, where Go is installed; what was built is kept in `.tools`. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../../../bench/xds/peer/", import.meta.url));
const target = fileURLToPath(new URL("../../../../.tools/xds-peer/", import.meta.url));

/** The path of the built peer; undefined without Go. Throws what the compiler says. */
export function buildPeer(): string | undefined {
  const binary = `${target}peer`;
  if (existsSync(binary) && statSync(binary).mtimeMs > statSync(`${source}main.go`).mtimeMs) return binary;
  try {
    execFileSync("go", ["version"], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  mkdirSync(target, { recursive: true });
  for (const file of ["main.go", "go.mod", "go.sum"]) cpSync(`${source}${file}`, `${target}${file}`);
  console.log("Building the peer on go-control-plane (about a minute, once) …");
  execFileSync("go", ["build", "-o", binary, "."], { cwd: target, stdio: "inherit" });
  return binary;
}
