/** What differs between policies, for people: a document a paragraph, a field a line. */
import type { PolicyDocument } from "@legation/mesh/policy/documents";

/** One document that differs, as the API says it. */
export interface DocumentChange {
  readonly document: string;
  readonly before: PolicyDocument | null;
  readonly after: PolicyDocument | null;
}

/** The text; a sentence where nothing differs. Ends with a newline. */
export function changesText(changes: readonly DocumentChange[]): string {
  if (changes.length === 0) return "Nothing differs.\n";
  return changes
    .map(({ document, before, after }) => {
      const what = before === null ? "added" : after === null ? "removed" : "changed";
      const fields = (side: PolicyDocument | null): ReadonlyMap<string, string> =>
        new Map(Object.entries(side ?? {}).map(([key, value]) => [key, JSON.stringify(value)]));
      const [old, now] = [fields(before), fields(after)];
      const lines = [...new Set([...old.keys(), ...now.keys()])]
        .filter((key) => !["apiVersion", "kind", "name"].includes(key) && old.get(key) !== now.get(key))
        .flatMap((key) => [
          ...(old.has(key) ? [`  - ${key}: ${old.get(key)}`] : []),
          ...(now.has(key) ? [`  + ${key}: ${now.get(key)}`] : []),
        ]);
      return [`${document} ${what}`, ...lines].join("\n");
    })
    .map((paragraph) => `${paragraph}\n`)
    .join("");
}
