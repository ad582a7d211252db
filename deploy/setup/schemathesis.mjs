/** Schemathesis, which fuzzes the API by its OpenAPI document: for that test alone, out of the Python package index, every version pinned. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { place, root, toolsDir } from "./place.mjs";
import { run, SetupError, step } from "./progress.mjs";
import { onPath } from "./tools.mjs";

const requirements = join(root, "deploy/setup/schemathesis.txt");
const version = /^schemathesis==(.*)$/m.exec(readFileSync(requirements, "utf8"))?.[1] ?? "";
const target = join(toolsDir, `schemathesis-${version}`);

/** Installs it below `.tools`; `test/fuzz/api.mjs` looks for it there. */
export async function installSchemathesis() {
  if (existsSync(join(target, "schemathesis"))) return;
  const python = onPath("python3") ?? onPath("python");
  if (!python) throw new SetupError("Python 3 with pip is missing, by which schemathesis is installed: `apt-get install python3-pip`.");
  await step(`Schemathesis ${version} (pip, 68 MB, about 30 s)`, (say) =>
    place(target, async (dir) => {
      const args = [
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--target",
        dir,
        "-r",
        requirements,
      ];
      const env = { PIP_ROOT_USER_ACTION: "ignore", PIP_USER: "0" };
      await run(python, args, { say, env, hint: "Is the Python package index reachable?" });
    }),
  );
}
