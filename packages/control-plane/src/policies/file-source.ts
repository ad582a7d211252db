/** Policies from a directory of files, read again when one changes. */
import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { contentHash, documentHash, type PolicyFile, parsePolicyFiles, policySet } from "@legation/mesh/policy";
import { type Clock, type Logger, messageOf, type Timer } from "@legation/runtime";
import { nothingApproved } from "./approval-chain.js";
import type { Bundle } from "./bundle.js";
import type { PolicySource, PolicyWatcher } from "./kv-source.js";
import { PolicyRefusal } from "./refusal.js";

/** Between a change and its reading, because editors write in several steps; milliseconds. */
const settleMs = 50;
/** How often the files are read when the system tells nothing, as network file systems do; milliseconds. */
const pollMs = 2_000;

/**
 * Makes the source. Whoever can write there can write the replica's other files too: approvals are not asked for. A file that is wrong is
 * named, and nothing of the directory is taken until it is right. `current` is the bundle in force.
 */
export function createFilePolicySource(o: {
  readonly directory: string;
  readonly current: () => Bundle | undefined;
  readonly watcher: PolicyWatcher;
  readonly clock: Clock;
  readonly log: Logger;
}): PolicySource {
  const { directory, watcher, clock, log } = o;
  let stopped = false;
  let notices: FSWatcher | undefined;
  let timer: Timer | undefined;
  let reading = false;
  let again = false;

  async function read(): Promise<void> {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    timer?.cancel();
    try {
      const bundle = await readPolicyDirectory(directory, o.current()?.manifest.version ?? 0, clock.now());
      if (!stopped) watcher.onBundle(bundle.id === o.current()?.id ? undefined : bundle);
    } catch (error) {
      if (!stopped)
        watcher.onRefused(error instanceof PolicyRefusal ? error : new PolicyRefusal("policy.invalid", messageOf(error)), undefined);
    }
    reading = false;
    if (stopped) return;
    timer = clock.timeout(again ? settleMs : pollMs, () => void read());
    again = false;
  }

  function noticed(): void {
    if (stopped) return;
    if (reading) {
      again = true;
      return;
    }
    timer?.cancel();
    timer = clock.timeout(settleMs, () => void read());
  }

  return {
    start() {
      try {
        notices = watch(directory, noticed);
        notices.on("error", () => notices?.close());
      } catch (error) {
        log.debug({ event: "policies.unwatched", err: error }, `${directory} is only read every ${pollMs} ms`);
      }
      void read();
    },
    stop() {
      stopped = true;
      notices?.close();
      timer?.cancel();
    },
    refresh: noticed,
  };
}

/**
 * Reads all `.yaml`, `.yml` and `.json` files of a directory as one bundle, with `version` + 1. Throws a PolicyRefusal that lists everything
 * that is wrong; also when there is no file at all, since a directory that is not mounted looks like that.
 */
export async function readPolicyDirectory(directory: string, version: number, now: number): Promise<Bundle> {
  let files: PolicyFile[];
  try {
    const names = (await readdir(directory)).filter((name) => /^[^.].*\.(ya?ml|json)$/.test(name) && !name.endsWith(".schema.json")).sort();
    files = await Promise.all(
      names.map(async (name) => ({ path: join(directory, name), text: await readFile(join(directory, name), "utf8") })),
    );
  } catch (error) {
    throw new PolicyRefusal("policy.invalid", `the policies in ${directory} cannot be read: ${messageOf(error)}`);
  }
  if (files.length === 0)
    throw new PolicyRefusal("policy.invalid", `${directory} holds no .yaml or .json file. Write one; for no policies at all, an empty one`);
  const { documents, problems } = parsePolicyFiles(files);
  if (problems.length > 0) throw new PolicyRefusal("policy.invalid", problems.join("; "));
  const policies = policySet(documents);
  const hashes = Object.fromEntries([...policies.documents].map(([key, document]) => [key, documentHash(document)]));
  const at = new Date(now).toISOString();
  return {
    id: contentHash(JSON.stringify(hashes)),
    manifest: {
      format: "legation-bundle/1",
      version: version + 1,
      parent: null,
      documents: hashes,
      approval: null,
      author: directory,
      reason: "",
      at,
    },
    policies,
    approved: nothingApproved,
  };
}
