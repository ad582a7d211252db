/** The catalog as it stands on disk: one JSON document, parsed at this boundary and nowhere else. */

import type { CatalogService, Check, Instance, Trust } from "@legation/mesh";
import { knownIntentions, type SaidIntentions } from "../sources/consul-intentions.js";

/** The catalog with the time at which Consul last confirmed it. */
export interface SavedCatalog {
  /** Milliseconds since the epoch: the last good answer of Consul that this state rests on. */
  readonly answeredAt: number;
  /** The data centre it was read from, where it was configured. */
  readonly datacenter: string | undefined;
  /** The node IDs of Consul's servers, by which a restart tells whether it is still the same Consul. */
  readonly servers: readonly string[];
  /** Whose certificates count; undefined where Consul's CA is switched off. */
  readonly trust?: Trust | undefined;
  /** What Consul last said of who may call whom; undefined where it never did. */
  readonly intentions?: SaidIntentions | undefined;
  readonly services: readonly CatalogService[];
}

const format = 1;
const texts = new WeakMap<CatalogService, string>();

/** Writes the document, a service per line. The text of a service is kept with it, so that the cost follows what changed. */
export function encodeCatalog(saved: SavedCatalog): string {
  const { datacenter, servers, trust, intentions } = saved;
  const head = { format, answeredAt: new Date(saved.answeredAt).toISOString(), datacenter, servers, trust, intentions };
  return `${JSON.stringify(head).slice(0, -1)},"services":[\n${saved.services.map(textOf).join(",\n")}\n]}\n`;
}

function textOf(service: CatalogService): string {
  let text = texts.get(service);
  if (text === undefined) {
    text = JSON.stringify(service);
    texts.set(service, text);
  }
  return text;
}

/** Reads the document. Throws an Error that says at which path it is not what it should be. */
export function decodeCatalog(text: string): SavedCatalog {
  const root = new Reader(JSON.parse(text), "$");
  const written = root.get("format").number();
  if (written !== format) throw new Error(`$.format is ${written}; this version reads ${format}`);
  const answeredAt = Date.parse(root.get("answeredAt").string());
  if (Number.isNaN(answeredAt)) throw new Error("$.answeredAt is not a time");
  return {
    answeredAt,
    datacenter: root.get("datacenter").optional((r) => r.string()),
    servers: root.get("servers").list((r) => r.string()),
    trust: root.get("trust").optional((r) => ({ trustDomain: r.get("trustDomain").string(), datacenter: r.get("datacenter").string() })),
    intentions: root.get("intentions").optional(said),
    services: root.get("services").list(service),
  };
}

function verdict(reader: Reader): "allow" | "deny" {
  const text = reader.string();
  if (text !== "allow" && text !== "deny") throw new Error(`${reader.path} is neither allow nor deny`);
  return text;
}

function said(reader: Reader): SaidIntentions {
  const byDefault = reader.get("byDefault").optional(verdict);
  const found = { rows: reader.get("rows").list((r) => r.value), byDefault, index: reader.get("index").number() };
  knownIntentions(found, undefined);
  return found;
}

function service(reader: Reader): CatalogService {
  return { name: reader.get("name").string(), instances: reader.get("instances").list(instance) };
}

function instance(reader: Reader): Instance {
  const mesh = reader.get("mesh").optional((r) => ({ address: r.get("address").string(), port: r.get("port").number() }));
  return {
    node: reader.get("node").string(),
    id: reader.get("id").string(),
    service: reader.get("service").string(),
    address: reader.get("address").string(),
    port: reader.get("port").number(),
    ...(mesh ? { mesh } : {}),
    tags: reader.get("tags").list((r) => r.string()),
    meta: reader.get("meta").words(),
    weights: { passing: reader.get("weights").get("passing").number(), warning: reader.get("weights").get("warning").number() },
    checks: reader.get("checks").list(check),
    everPassed: reader.get("everPassed").boolean(),
  };
}

function check(reader: Reader): Check {
  const status = reader.get("status").string();
  if (status !== "passing" && status !== "warning" && status !== "critical") throw new Error(`${reader.path}.status is ${status}`);
  return { id: reader.get("id").string(), name: reader.get("name").string(), status, output: reader.get("output").string() };
}

/** A JSON value with the path by which it was reached. */
class Reader {
  readonly value: unknown;
  readonly #parent: Reader | undefined;
  readonly #step: string | number;

  constructor(value: unknown, step: string | number, parent?: Reader) {
    this.value = value;
    this.#step = step;
    this.#parent = parent;
  }

  /** Such as `$.services[3].name`; put together only when something is wrong. */
  get path(): string {
    const before = this.#parent?.path ?? "";
    return typeof this.#step === "number" ? `${before}[${this.#step}]` : `${before}${before && "."}${this.#step}`;
  }

  get(key: string): Reader {
    if (typeof this.value !== "object" || this.value === null) throw new Error(`${this.path} is not an object`);
    return new Reader((this.value as Record<string, unknown>)[key], key, this);
  }

  string(): string {
    if (typeof this.value !== "string") throw new Error(`${this.path} is not a string`);
    return this.value;
  }

  number(): number {
    if (typeof this.value !== "number") throw new Error(`${this.path} is not a number`);
    return this.value;
  }

  boolean(): boolean {
    if (typeof this.value !== "boolean") throw new Error(`${this.path} is not true or false`);
    return this.value;
  }

  list<T>(item: (reader: Reader) => T): T[] {
    if (!Array.isArray(this.value)) throw new Error(`${this.path} is not a list`);
    return this.value.map((value, i) => item(new Reader(value, i, this)));
  }

  words(): Record<string, string> {
    const out: Record<string, string> = {};
    for (const key of Object.keys((this.value as object | null) ?? {})) out[key] = this.get(key).string();
    return out;
  }

  optional<T>(read: (reader: Reader) => T): T | undefined {
    return this.value === undefined ? undefined : read(this);
  }
}
