/** What proxies have refused, on disk, so that a start serves the last good versions at once and asks no proxy again. */
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, codeOf, type Logger, messageOf, writeFileAtomic } from "@legation/runtime";
import type { RefusedContent } from "../quarantine/refused-content.js";

const format = "legation-quarantine/1";
/** The last good content that is kept at most, all together; bytes. The oldest goes first. */
export const largestQuarantine = 16 * 1_024 * 1_024;

const file = (stateDir: string) => join(stateDir, "quarantine.json");

/** The contents as text. */
export function encodeQuarantine(contents: readonly RefusedContent[]): string {
  let left = largestQuarantine;
  const kept: object[] = [];
  for (const content of [...contents].reverse()) {
    left -= content.instead?.length ?? 0;
    if (left < 0) break;
    kept.unshift({ ...content, instead: content.instead && Buffer.from(content.instead).toString("base64") });
  }
  return `${JSON.stringify({ format, contents: kept })}\n`;
}

/** Reads such a text. Throws an Error that says what is wrong with it. */
export function decodeQuarantine(text: string): readonly RefusedContent[] {
  const saved = JSON.parse(text) as { readonly format?: unknown; readonly contents?: unknown };
  if (saved.format !== format) throw new Error(`its format is ${JSON.stringify(saved.format)}; this version reads ${format}`);
  if (!Array.isArray(saved.contents)) throw new Error("contents are missing");
  return saved.contents.map((value: Record<string, unknown>, i) => {
    const missing = ["typeUrl", "name", "version", "service", "node", "message"].find((field) => typeof value[field] !== "string");
    if (missing) throw new Error(`contents[${i}].${missing} is missing`);
    const { instead, blame, part, at } = value;
    if (instead !== null && typeof instead !== "string") throw new Error(`contents[${i}].instead is missing`);
    if (!Array.isArray(blame) || typeof part !== "boolean" || typeof at !== "number") throw new Error(`contents[${i}] lacks a field`);
    return { ...value, instead: instead === null ? null : new Uint8Array(Buffer.from(instead, "base64")) } as unknown as RefusedContent;
  });
}

/** Reads the file. Empty when there is none; one that cannot be understood is moved aside, with an event in the log. */
export async function readQuarantine(stateDir: string, o: { clock: Clock; log: Logger }): Promise<readonly RefusedContent[]> {
  const path = file(stateDir);
  try {
    return decodeQuarantine(await readFile(path, "utf8"));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    const aside = `${path}.corrupt-${o.clock.now()}`;
    await rename(path, aside).catch(() => undefined);
    const why = messageOf(error);
    o.log.error({ event: "state.corrupt", path, aside, why }, `what proxies have refused cannot be read (${why}); they are asked again`);
    return [];
  }
}

/** Writes the newest state, one after the other. */
export interface QuarantineFile {
  save(contents: readonly RefusedContent[]): void;
  /** Resolves when the last one is written. */
  stop(): Promise<void>;
}

/** Makes the writer. A failure is logged, and stops nothing. */
export function createQuarantineFile(stateDir: string, log: Logger): QuarantineFile {
  const path = file(stateDir);
  let newest: readonly RefusedContent[] | undefined;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    while (newest) {
      const contents = newest;
      newest = undefined;
      await writeFileAtomic(path, encodeQuarantine(contents), { mode: 0o600 }).catch((error: unknown) =>
        log.error({ event: "state.write-failed", path, err: error }, "what proxies have refused cannot be written to the state directory"),
      );
    }
    writing = undefined;
  }

  return {
    save(contents) {
      newest = contents;
      writing ??= write();
    },
    stop: async () => writing,
  };
}
