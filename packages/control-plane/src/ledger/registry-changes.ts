/** What differs between two readings of a service, as changes that every control plane names alike. */
import { type CatalogService, type Check, type Instance, keyOf } from "@legation/mesh";
import { indexOfCheck, indexOfInstance } from "../sources/row-index.js";
import { type Change, changesOf, type ItemChange } from "./change.js";

/** The changes from `before` (undefined: not there) to `after`. The output of a check is none. */
export function registryChanges(name: string, before: CatalogService | undefined, after: CatalogService | undefined): readonly Change[] {
  const old = byKey(before);
  const now = byKey(after);
  const items: ItemChange[] = [];
  for (const [key, instance] of now) {
    const known = old.get(key);
    if (!known) items.push(added(key, instance));
    else if (known !== instance) items.push(...registrationItems(key, known, instance), ...healthItems(key, known, instance));
  }
  for (const [key, instance] of old) if (!now.has(key)) items.push(removed(key, instance));
  return changesOf(name, items);
}

function byKey(service: CatalogService | undefined): ReadonlyMap<string, Instance> {
  return new Map(service?.instances.map((instance) => [keyOf(instance), instance]));
}

function added(key: string, instance: Instance): ItemChange {
  const index = indexOfInstance(instance)?.service.modified ?? 0;
  return { kind: "registry", mark: String(index), name: key, after: 0, index, text: `${key} registered at ${addressOf(instance)}` };
}

/** A row that is gone has no index any more: its change is known by when it came to be, which no two registrations share. */
function removed(key: string, instance: Instance): ItemChange {
  const { created, modified } = indexOfInstance(instance)?.service ?? { created: 0, modified: 0 };
  const text = `${key} deregistered`;
  return { kind: "registry", mark: `${created}-gone`, name: key, after: modified, index: Number.MAX_SAFE_INTEGER, text };
}

function registrationItems(key: string, old: Instance, now: Instance): readonly ItemChange[] {
  const fields = (["mesh", "tags", "meta", "weights", "port"] as const).filter((field) => differ(old[field], now[field]));
  const [was, is] = [indexOfInstance(old), indexOfInstance(now)];
  const item = (name: string, row: "service" | "node", text: string): ItemChange => {
    const index = is?.[row].modified ?? 0;
    return { kind: "registry", mark: String(index), name, after: was?.[row].modified ?? 0, index, text };
  };
  const moved = old.address !== now.address;
  // Where a registration gives no address, the instance has its node's.
  const byNode = moved && fields.length === 0 && was?.service.modified === is?.service.modified;
  if (byNode) return [item(`${key} address`, "node", `${key} moved to ${addressOf(now)}`)];
  const words: string[] = [...fields, ...(moved ? ["address"] : [])];
  return words.length > 0 ? [item(key, "service", `${key} registered anew: other ${words.join(", ")}`)] : [];
}

function healthItems(key: string, old: Instance, now: Instance): readonly ItemChange[] {
  const before = new Map(old.checks.map((check) => [check.id, check]));
  const items: ItemChange[] = [];
  for (const check of now.checks) {
    const known = before.get(check.id);
    before.delete(check.id);
    if ((known?.status ?? "passing") === check.status) continue;
    const index = indexOfCheck(check)?.modified ?? 0;
    const after = (known && indexOfCheck(known)?.modified) ?? 0;
    const text = `${nameOf(check)} of ${key}: ${known?.status ?? "new"} → ${check.status}`;
    items.push({ kind: "health", mark: String(index), name: `${key} ${check.id}`, after, index, text });
  }
  for (const check of before.values()) {
    if (check.status === "passing") continue;
    const { created, modified } = indexOfCheck(check) ?? { created: 0, modified: 0 };
    const text = `${nameOf(check)} of ${key}, ${check.status}, is gone`;
    const index = Number.MAX_SAFE_INTEGER;
    items.push({ kind: "health", mark: `${created}-gone`, name: `${key} ${check.id}`, after: modified, index, text });
  }
  return items;
}

function nameOf({ id, name }: Check): string {
  if (/^_(service|node)_maintenance/.test(id)) return "maintenance";
  return name || id;
}

function addressOf({ address, port }: Instance): string {
  return `${address}:${port}`;
}

function differ(a: unknown, b: unknown): boolean {
  return a !== b && JSON.stringify(a) !== JSON.stringify(b);
}
