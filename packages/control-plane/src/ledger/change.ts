/** What a change is: known by the same name to every control plane that sees it. */
import type { ChangeKind } from "@legation/contract";

/** A thing that changed, between two of Consul's indexes: after the first, and at or before the second. */
export interface ChangedItem {
  /** Such as `n1/web-1` or `n1/web-1 http`. */
  readonly name: string;
  /** The index at which this control plane knew it before; 0 when it did not. */
  readonly after: number;
  readonly index: number;
}

/** One change as it was seen. */
export interface Change {
  /** `<kind>:<service or *>:<what tells it from others>`: the same at each control plane. */
  readonly id: string;
  readonly kind: ChangeKind;
  /** Absent where it is about the whole mesh. */
  readonly service?: string;
  /** In words. */
  readonly what: string;
  readonly items: readonly ChangedItem[];
}

/** Characters of `what` that are kept. */
export const longestWhat = 160;

/** Items of one change that are kept: more happens only when many rows of one service are written in one transaction. */
export const mostItems = 32;

/** One thing that changed, before what was changed by the same write is put together. */
export interface ItemChange extends ChangedItem {
  readonly kind: ChangeKind;
  /** What tells the change from others of its kind and service: an index, or `<index>-gone`. */
  readonly mark: string;
  readonly text: string;
}

/** Puts together what Consul wrote at one index, in the order of the indexes. */
export function changesOf(service: string, items: readonly ItemChange[]): readonly Change[] {
  const groups = new Map<string, ItemChange[]>();
  for (const item of [...items].sort((a, b) => a.index - b.index)) {
    const id = changeId(item.kind, service, item.mark);
    const group = groups.get(id);
    if (group) group.push(item);
    else groups.set(id, [item]);
  }
  return [...groups].flatMap(([id, group]) => {
    const [first] = group;
    if (!first) return [];
    const more = group.length > 1 ? `, and ${group.length - 1} more` : "";
    const kept = group.slice(0, mostItems).map(({ name, after, index }) => ({ name, after, index }));
    return { id, kind: first.kind, service, what: shortened(first.text + more), items: kept };
  });
}

/** The name of a change. */
export function changeId(kind: ChangeKind, service: string | undefined, mark: string): string {
  return `${kind}:${service ?? "*"}:${mark}`;
}

/** A text of at most `longestWhat` characters. */
export function shortened(text: string): string {
  return text.length <= longestWhat ? text : `${text.slice(0, longestWhat - 1)}…`;
}
