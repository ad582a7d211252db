/** The checks that do not pass, as Consul's two lists of them (critical, warning) tell, and what each new list changes. */
import type { CheckRow } from "./consul-rows.js";

/** What a new list brings. */
export interface CheckChanges {
  /** Rows that are new or have changed. */
  readonly news: readonly CheckRow[];
  /** Rows that are no longer there: the check passes, is in another state, or is gone. The list does not say which. */
  readonly gone: readonly CheckRow[];
}

/** One list. */
export interface CheckList {
  /** Takes a whole new list. */
  replace(rows: readonly CheckRow[]): CheckChanges;
}

/** Makes an empty list. */
export function createCheckList(): CheckList {
  let held = new Map<string, CheckRow>();
  return {
    replace(rows) {
      const next = new Map(rows.map((row) => [`${row.node}/${row.serviceId}/${row.id}`, row]));
      const before = held;
      held = next;
      return {
        news: [...next].filter(([key, row]) => before.get(key)?.modifyIndex !== row.modifyIndex).map(([, row]) => row),
        gone: [...before].filter(([key]) => !next.has(key)).map(([, row]) => row),
      };
    },
  };
}
