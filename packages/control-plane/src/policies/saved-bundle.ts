/** The last good bundle on disk, so that a start without Consul has the same policies, and old approvals stay refused. */
import { readFile, rename } from "node:fs/promises";
import { documentKey, pathText, policySet, readDocument, readStored, storedText } from "@legation/mesh/policy";
import { type Clock, codeOf, type Logger, messageOf, writeFileAtomic } from "@legation/runtime";
import type { Bundle } from "./bundle.js";

/** A bundle as it was saved. */
export interface SavedBundle {
  /** Where it came from: `store`, or the directory of files. */
  readonly origin: string;
  readonly bundle: Bundle;
}

const format = "legation-saved-bundle/1";

/** The bundle as text. */
export function encodeBundle(origin: string, { id, manifest, policies, approved }: Bundle): string {
  const { approval, sequence, documents } = approved;
  return `${JSON.stringify({
    format,
    origin,
    id,
    manifest: storedText(manifest),
    documents: [...policies.documents.values()],
    approved: { approval, sequence, documents: [...documents.keys()] },
  })}\n`;
}

/** Reads such a text. Throws an Error that says what is wrong with it. */
export function decodeBundle(text: string): SavedBundle {
  const saved = JSON.parse(text) as Record<string, unknown>;
  if (saved["format"] !== format) throw new Error(`its format is ${JSON.stringify(saved["format"])}; this version reads ${format}`);
  const { origin, id, manifest, documents, approved } = saved;
  if (
    typeof origin !== "string" ||
    typeof id !== "string" ||
    typeof manifest !== "string" ||
    !Array.isArray(documents) ||
    !isApproved(approved)
  )
    throw new Error("a field is missing");
  const read = documents.map((value: unknown) => {
    const reading = readDocument(value);
    if ("document" in reading) return reading.document;
    throw new Error(reading.flaws.map(({ path, message }) => `${pathText(path)}: ${message}`).join("; "));
  });
  const covered = read.map((document) => [documentKey(document), document] as const).filter(([key]) => approved.documents.includes(key));
  if (covered.length !== approved.documents.length) throw new Error("an approved document is missing");
  return {
    origin,
    bundle: {
      id,
      manifest: readStored("manifest", manifest),
      policies: policySet(read),
      approved: { approval: approved.approval, sequence: approved.sequence, documents: new Map(covered) },
    },
  };
}

function isApproved(value: unknown): value is { approval: string | null; sequence: number; documents: string[] } {
  if (typeof value !== "object" || value === null) return false;
  const { approval, sequence, documents } = value as Record<string, unknown>;
  return (approval === null || typeof approval === "string") && typeof sequence === "number" && Array.isArray(documents);
}

/** Reads the file. Undefined when there is none, or when it comes from elsewhere than `origin`; one that cannot be understood is moved aside, with an event in the log. */
export async function readSavedBundle(path: string, o: { origin: string; clock: Clock; log: Logger }): Promise<SavedBundle | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    o.log.error({ event: "state.unreadable", path, err: error }, "the last good policies cannot be read; starting without them");
    return undefined;
  }
  try {
    const saved = decodeBundle(text);
    if (saved.origin === o.origin) return saved;
    o.log.info({ event: "state.foreign", path, origin: saved.origin }, `the last policies came from ${saved.origin}; they are not used`);
    return undefined;
  } catch (error) {
    const aside = `${path}.corrupt-${o.clock.now()}`;
    await rename(path, aside).catch(() => undefined);
    const why = messageOf(error);
    o.log.error({ event: "state.corrupt", path, aside, why }, `the last good policies are damaged (${why}); starting without them`);
    return undefined;
  }
}

/** Writes bundles to the file, one after the other. */
export interface BundleFile {
  save(bundle: Bundle): void;
  /** Resolves when the last one is written. */
  stop(): Promise<void>;
}

/** Makes the writer. A failure is logged, and stops nothing. */
export function createBundleFile(path: string, origin: string, log: Logger): BundleFile {
  let writing: Promise<void> = Promise.resolve();
  return {
    save(bundle) {
      writing = writing
        .then(() => writeFileAtomic(path, encodeBundle(origin, bundle), { mode: 0o600 }))
        .catch((error: unknown) =>
          log.error({ event: "state.write-failed", path, err: error }, "the last good policies cannot be written to the state directory"),
        );
    },
    stop: () => writing,
  };
}
