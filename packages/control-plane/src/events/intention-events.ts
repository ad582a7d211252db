/** Intentions that are added, removed or changed in Consul. */
import { intentionName, type KnownIntentions } from "@legation/mesh";
import type { Teller } from "./events.js";

/** Intentions of one kind of change that an event names, at most. */
const named = 20;

/** Makes the function that takes what holds now. What it is shown first held before. */
export function createIntentionEvents(events: Teller): (known: KnownIntentions) => void {
  let before: ReadonlyMap<string, string> | undefined;
  return ({ intentions, byDefault }) => {
    const now = new Map(intentions.map((each) => [intentionName(each), JSON.stringify(each.rule)]));
    if (byDefault) now.set("default", byDefault);
    const was = before;
    before = now;
    if (!was) return;
    const added = [...now.keys()].filter((name) => !was.has(name));
    const removed = [...was.keys()].filter((name) => !now.has(name));
    const changed = [...now.keys()].filter((name) => was.has(name) && was.get(name) !== now.get(name));
    const count = added.length + removed.length + changed.length;
    if (count === 0) return;
    const words = [said("added", added), said("removed", removed), said("changed", changed)].filter((text) => text !== "");
    const details = { added: added.slice(0, named), removed: removed.slice(0, named), changed: changed.slice(0, named), count };
    events.tell({ type: "intention.changed", text: `intentions ${words.join("; ")}`, details });
  };
}

function said(word: string, names: readonly string[]): string {
  if (names.length === 0) return "";
  return `${word}: ${names.slice(0, 3).join(", ")}${names.length > 3 ? ` and ${names.length - 3} more` : ""}`;
}
