/** Consul's KV in memory, with its rules of check-and-set, and everything open to whoever tampers. */
import type { Kv, KvEntry } from "@legation/consul";

/** The store, and its entries. */
export interface MemoryKv extends Kv {
  readonly entries: Map<string, KvEntry>;
  /** Called before each write; throws where a test wants the writer to die. */
  onWrite: (key: string) => void;
}

/** Makes an empty store. */
export function createMemoryKv(): MemoryKv {
  const entries = new Map<string, KvEntry>();
  let index = 0;
  const holds = (key: string, cas: number | undefined) => cas === undefined || (entries.get(key)?.modifyIndex ?? 0) === cas;
  const store: MemoryKv = {
    entries,
    onWrite: () => {},
    get: async (key) => entries.get(key),
    list: async (prefix) => [...entries.values()].filter(({ key }) => key.startsWith(prefix)),
    async put(key, value, { cas, flags = 0 } = {}) {
      store.onWrite(key);
      if (!holds(key, cas)) return false;
      entries.set(key, { key, value: typeof value === "string" ? Buffer.from(value) : value, modifyIndex: ++index, flags });
      return true;
    },
    async delete(key, { cas } = {}) {
      store.onWrite(key);
      if (!holds(key, cas)) return false;
      entries.delete(key);
      return true;
    },
  };
  return store;
}
