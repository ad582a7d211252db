/** All that is known of who may call whom. */
import { type Intention, type ServiceMatch, type Verdict, wildcard } from "./intention.js";

/** The intentions as one source told them, with what holds where none speaks. */
export interface KnownIntentions {
  readonly intentions: readonly Intention[];
  /** Undefined while nobody has said; then nothing can be decided. */
  readonly byDefault: Verdict | undefined;
}

/** Intentions by their destination. */
export interface IntentionIndex {
  /** Those that may speak of calls to a service; more than do where namespaces are used. */
  to(destination: ServiceMatch): readonly Intention[];
  /** The names of the destinations that differ from `before`, in lower case; `*` when that touches every service. */
  changesSince(before: IntentionIndex | undefined): ReadonlySet<string>;
  /** What is said of one name, as text. */
  textOf(name: string): string;
  readonly names: Iterable<string>;
}

/** Makes the index. */
export function indexIntentions(intentions: readonly Intention[]): IntentionIndex {
  const byName = new Map<string, Intention[]>();
  for (const intention of intentions) {
    const name = intention.destination.name.toLowerCase();
    const found = byName.get(name);
    if (found) found.push(intention);
    else byName.set(name, [intention]);
  }
  const texts = new Map(
    [...byName].map(([name, own]) => [
      name,
      own
        .map((each) => JSON.stringify(each))
        .sort()
        .join("\n"),
    ]),
  );
  const textOf = (name: string) => texts.get(name) ?? "";
  return {
    to: ({ name }) => [...(byName.get(name.toLowerCase()) ?? []), ...(byName.get(wildcard) ?? [])],
    changesSince(before) {
      const names = new Set([...texts.keys(), ...(before?.names ?? [])]);
      return new Set([...names].filter((name) => textOf(name) !== (before?.textOf(name) ?? "")));
    },
    textOf,
    names: texts.keys(),
  };
}
