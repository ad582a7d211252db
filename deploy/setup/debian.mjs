/** A program out of a Debian package, pinned by hash, by the machine's own apt sources and without installing anything on it. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { place, toolsDir } from "./place.mjs";
import { run, SetupError, step } from "./progress.mjs";

/**
 * Unpacks a package into `.tools/<name>-<version>`, unless `program` is there. `otherwise` says what a machine without Debian's packages does.
 * @param {{ what: string, version: string, package: string, suite: string, sha256: string, program: string, otherwise: string }} wanted
 */
export async function debianPackage(wanted) {
  const { what, version, suite } = wanted;
  const target = join(toolsDir, `${what.toLowerCase()}-${version}`);
  if (existsSync(join(target, wanted.program))) return;
  if (!onPath("apt-get") || !onPath("dpkg-deb") || process.arch !== "x64")
    throw new SetupError(`${what} is missing and can't be had here: ${wanted.otherwise}`);
  await step(`${what} ${version} (Debian's package, about 15 s)`, (say) =>
    place(target, async (dir) => {
      const apt = join(dir, "apt");
      for (const d of ["lists/partial", "cache/archives/partial", "state"]) mkdirSync(join(apt, d), { recursive: true });
      writeFileSync(join(apt, "status"), "");
      const mirrors = debianMirrors(what, wanted.otherwise);
      writeFileSync(join(apt, "sources.list"), mirrors.map((uri) => `deb [trusted=yes] ${uri} ${suite} main\n`).join(""));
      const options = Object.entries({
        "Dir::Etc::sourcelist": join(apt, "sources.list"),
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State": join(apt, "state"),
        "Dir::State::status": join(apt, "status"),
        "Dir::State::lists": join(apt, "lists"),
        "Dir::Cache": join(apt, "cache"),
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
      }).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
      const hint = "Are Debian's packages reachable?";
      await run("apt-get", [...options, "-q", "update"], { say, hint });
      await run("apt-get", [...options, "-q", "download", wanted.package], { cwd: dir, say, hint });
      const file = readdirSync(dir).find((name) => name.endsWith(".deb"));
      if (!file) throw new SetupError(`apt-get downloaded no ${wanted.package}.`);
      const sha256 = createHash("sha256")
        .update(readFileSync(join(dir, file)))
        .digest("hex");
      if (sha256 !== wanted.sha256)
        throw new SetupError(`${file} has the hash ${sha256}, not the pinned ${wanted.sha256}: it is not installed.`);
      await run("dpkg-deb", ["-x", join(dir, file), dir]);
      rmSync(apt, { recursive: true });
      rmSync(join(dir, file));
    }),
  );
}

/** @param {string} name */
function onPath(name) {
  return (process.env.PATH ?? "").split(delimiter).some((dir) => dir !== "" && existsSync(join(dir, name)));
}

/**
 * The Debian mirrors that this machine's apt already uses; `[trusted=yes]` is safe because the package is pinned by hash.
 * @param {string} what @param {string} otherwise
 */
function debianMirrors(what, otherwise) {
  const dir = "/etc/apt/sources.list.d";
  const files = ["/etc/apt/sources.list", ...(existsSync(dir) ? readdirSync(dir).map((f) => join(dir, f)) : [])].filter((f) =>
    existsSync(f),
  );
  const uris = files.flatMap((f) =>
    [...readFileSync(f, "utf8").matchAll(/^(?:deb\s+(?:\[[^\]]*\]\s+)?|URIs:\s*)(\S+)/gm)].map((m) => m[1] ?? ""),
  );
  const debian = [...new Set(uris)].filter((uri) => /\/debian\/?$/.test(uri));
  if (debian.length === 0) throw new SetupError(`This machine's apt names no Debian mirror to take ${what} from: ${otherwise}`);
  return debian;
}
