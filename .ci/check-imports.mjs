/** Holds the direction of imports: each package imports only what this table allows, and the pure ones import nothing of Node. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * `pure`: nothing of Node, but in tests and in the folder `proof`, which tests alone use.
 * @type {Record<string, { dir: string, may: string[], pure?: boolean }>}
 */
const packages = {
  "@legation/envoy-api": { dir: "packages/envoy-api", may: [] },
  "@legation/contract": { dir: "packages/contract", may: [], pure: true },
  "@legation/runtime": { dir: "packages/runtime", may: [] },
  "@legation/sandbox": { dir: "packages/sandbox", may: ["@legation/runtime"] },
  "@legation/consul": { dir: "packages/consul", may: ["@legation/runtime"] },
  "@legation/mesh": { dir: "packages/mesh", may: ["@legation/envoy-api", "@legation/contract"], pure: true },
  "@legation/xds": { dir: "packages/xds", may: ["@legation/envoy-api", "@legation/runtime"] },
  "@legation/control-plane": {
    dir: "packages/control-plane",
    may: ["@legation/envoy-api", "@legation/contract", "@legation/runtime", "@legation/consul", "@legation/mesh", "@legation/xds"],
  },
  "@legation/agent": { dir: "packages/agent", may: ["@legation/envoy-api", "@legation/contract", "@legation/runtime", "@legation/consul"] },
  legation: {
    dir: "packages/cli",
    may: [
      "@legation/contract",
      "@legation/runtime",
      "@legation/sandbox",
      "@legation/consul",
      "@legation/mesh",
      "@legation/control-plane",
      "@legation/agent",
    ],
  },
  "@legation/local": {
    dir: "deploy/local",
    may: ["@legation/contract", "@legation/runtime", "@legation/sandbox", "@legation/consul", "legation"],
  },
  "@legation/demo": { dir: "deploy/demo", may: ["@legation/local", "@legation/runtime"] },
  "@legation/prove": { dir: "deploy/prove", may: ["@legation/local", "@legation/runtime"] },
  "@legation/test": {
    dir: "test",
    may: [
      "@legation/local",
      "@legation/prove",
      "@legation/consul",
      "@legation/xds",
      "@legation/mesh",
      "@legation/envoy-api",
      "@legation/contract",
      "@legation/runtime",
      "@legation/control-plane",
    ],
  },
};

/** @param {string} dir @returns {string[]} */
function sources(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return ["node_modules", "dist", "gen"].includes(entry.name) ? [] : sources(path);
    return /\.(ts|tsx|mts|mjs)$/.test(entry.name) ? [path] : [];
  });
}

const problems = [];
let files = 0;
for (const parent of ["packages", "deploy", "."])
  for (const { name } of readdirSync(join(root, parent), { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
    const dir = join(parent, name);
    if (existsSync(join(root, dir, "package.json")) && !Object.values(packages).some((known) => known.dir === dir))
      problems.push(`${dir}: this package is not in the table of .ci/check-imports.mjs`);
  }
for (const [name, { dir, may, pure }] of Object.entries(packages)) {
  const manifest = JSON.parse(readFileSync(join(root, dir, "package.json"), "utf8"));
  const declared = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
  const own = Object.keys(packages);
  for (const dependency of declared)
    if (own.includes(dependency) && !may.includes(dependency))
      problems.push(`${dir}/package.json: ${name} may not depend on ${dependency}`);
  for (const file of sources(join(root, dir))) {
    files++;
    const test = /\.test\.ts$/.test(file) || /\/(testing|proof)\//.test(relative(root, file));
    const text = readFileSync(file, "utf8");
    for (const [, from, dynamic] of text.matchAll(/\b(?:from|import)\s+"([^"\n]+)"|\bimport\(\s*"([^"\n]+)"\s*\)/g)) {
      const specifier = from ?? dynamic ?? "";
      const target = own.find((p) => specifier === p || specifier.startsWith(`${p}/`));
      const at = relative(root, file);
      if (target && target !== name && !may.includes(target)) problems.push(`${at}: ${name} may not import ${target}`);
      if (pure && !test && specifier.startsWith("node:")) problems.push(`${at}: ${name} is pure and may not import ${specifier}`);
      if (specifier.startsWith(".") && relative(join(root, dir), join(dirname(file), specifier)).startsWith(".."))
        problems.push(`${at}: ${specifier} leaves the package; import it by its name`);
    }
  }
}
for (const problem of problems) console.error(problem);
console.log(`imports: ${files} files, ${problems.length} problem${problems.length === 1 ? "" : "s"}`);
process.exit(problems.length === 0 ? 0 : 1);
