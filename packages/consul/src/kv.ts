/** Consul's key/value store: bytes under keys, with check-and-set. */
import type { Consul, ReadOptions, WriteOptions } from "./consul.js";
import { ConsulError } from "./error.js";

/** A stored value. */
export interface KvEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** For check-and-set. */
  readonly modifyIndex: number;
  /** A number of the writer's own, 0 unless it gave one. */
  readonly flags: number;
  /** The session that holds the lock, if one does. */
  readonly session?: string;
}

/** Check-and-set: the write happens only if the key's index is still this one; 0 = only if there is no such key. */
export interface KvWriteOptions extends WriteOptions {
  readonly cas?: number;
  /** A number to keep with the value; a whole one from 0. */
  readonly flags?: number;
}

/** The store. */
export interface Kv {
  /** Undefined when there is no such key. */
  get(key: string, options?: ReadOptions): Promise<KvEntry | undefined>;
  /** All entries below a prefix; none is an empty list. */
  list(prefix: string, options?: ReadOptions): Promise<readonly KvEntry[]>;
  /** False when check-and-set did not hold. */
  put(key: string, value: Uint8Array | string, options?: KvWriteOptions): Promise<boolean>;
  /** False when check-and-set did not hold; true also when there was no such key. */
  delete(key: string, options?: KvWriteOptions): Promise<boolean>;
}

/** An entry as Consul answers it: what a watch of a key is told. */
export interface KvRow {
  readonly Key: string;
  readonly Value: string | null;
  readonly ModifyIndex: number;
  readonly Flags: number;
  readonly Session?: string;
}

/** Makes the store over a client. */
export function createKv(consul: Pick<Consul, "get" | "put" | "del">): Kv {
  const path = (key: string) => `/kv/${key.split("/").map(encodeURIComponent).join("/")}`;

  async function rows(key: string, options: ReadOptions): Promise<readonly KvEntry[]> {
    try {
      return (await consul.get<KvRow[]>(path(key), options)).data.map(entry);
    } catch (error) {
      if (error instanceof ConsulError && error.code === "consul.not-found") return [];
      throw error;
    }
  }

  const writing = ({ cas, flags, query, ...rest }: KvWriteOptions): WriteOptions => ({ ...rest, query: { ...query, cas, flags } });
  return {
    get: async (key, options = {}) => (await rows(key, options))[0],
    list: (prefix, options = {}) => rows(prefix, { ...options, query: { ...options.query, recurse: true } }),
    put: (key, value, options = {}) =>
      consul.put<boolean>(path(key), typeof value === "string" ? new TextEncoder().encode(value) : value, writing(options)),
    delete: (key, options = {}) => consul.del<boolean>(path(key), writing(options)),
  };
}

/** The value of an entry. */
export function kvValue({ Value }: Pick<KvRow, "Value">): Buffer {
  return Buffer.from(Value ?? "", "base64");
}

function entry(row: KvRow): KvEntry {
  return {
    key: row.Key,
    value: kvValue(row),
    modifyIndex: row.ModifyIndex,
    flags: row.Flags,
    ...(row.Session ? { session: row.Session } : {}),
  };
}
