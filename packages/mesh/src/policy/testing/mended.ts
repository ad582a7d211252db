/** Random documents made right: what contradicts is taken out until nothing does. */
import { documentKey, readDocument } from "../document.js";
import { conflictsOf, type PolicyDocument } from "../kinds.js";

/** The document without what is wrong with it; undefined where nothing right is left. */
export function mendedDocument(value: unknown): PolicyDocument | undefined {
  const draft: unknown = structuredClone(value);
  for (let round = 0; round < 40; round++) {
    const reading = readDocument(draft);
    if ("document" in reading) return reading.document;
    // From the back, so that places in lists stay what they were.
    const taken = [...reading.flaws].reverse().map(({ path }) => takeOut(draft, path));
    if (taken.includes(false)) return undefined;
  }
  return undefined;
}

/** Those of the documents, or what is left of them, that can be in force together. */
export function mendedDocuments(values: readonly unknown[]): readonly PolicyDocument[] {
  const found = values.map(mendedDocument).filter((one) => one !== undefined);
  let documents = [...new Map(found.map((document) => [documentKey(document), document])).values()];
  for (let round = 0; round < 40; round++) {
    const [conflict] = conflictsOf(documents);
    if (!conflict) return documents;
    const key = documentKey(conflict);
    documents = documents.flatMap((document) => {
      if (documentKey(document) !== key) return [document];
      const draft: unknown = structuredClone(document);
      const mended = round < 20 && takeOut(draft, conflict.path) ? mendedDocument(draft) : undefined;
      return mended && JSON.stringify(mended) !== JSON.stringify(document) ? [mended] : [];
    });
  }
  return [];
}

/** Takes the field out, or the nearest one above it that is there. False where that would be the head, or everything. */
function takeOut(draft: unknown, path: readonly PropertyKey[]): boolean {
  for (let length = path.length; length > 0; length--) {
    const last = path[length - 1] as PropertyKey;
    const parent = path
      .slice(0, length - 1)
      .reduce<unknown>((inside, step) => (inside as Record<PropertyKey, unknown> | undefined)?.[step], draft);
    if (typeof parent !== "object" || parent === null || !Object.hasOwn(parent, last)) continue;
    if (length === 1 && ["apiVersion", "kind", "name"].includes(String(last))) return false;
    if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete (parent as Record<PropertyKey, unknown>)[last];
    return true;
  }
  return false;
}
