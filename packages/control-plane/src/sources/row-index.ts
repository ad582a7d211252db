/** Consul's indexes of the rows that instances and checks were read from: kept beside these, because a row's index alone is no change. */
import type { Check, Instance } from "@legation/mesh";

/** When a row came to be and when it changed last, by Consul's index. */
export interface RowIndex {
  readonly created: number;
  readonly modified: number;
}

/** The rows of an instance. */
export interface InstanceIndex {
  readonly service: RowIndex;
  readonly node: RowIndex;
}

/** An instance is copied often, and its metadata never. */
const instances = new WeakMap<Instance["meta"], InstanceIndex>();
const checks = new WeakMap<Check, RowIndex>();

/** Remembers where an instance was read from. */
export function indexInstance(meta: Instance["meta"], index: InstanceIndex): void {
  instances.set(meta, index);
}

/** Remembers where a check was read from. Returns the check. */
export function indexCheck<C extends Check>(check: C, index: RowIndex | undefined): C {
  if (index) checks.set(check, index);
  return check;
}

/** Undefined for an instance that was read from no row, as one of an earlier run. */
export function indexOfInstance({ meta }: Pick<Instance, "meta">): InstanceIndex | undefined {
  return instances.get(meta);
}

/** The same of a check. */
export function indexOfCheck(check: Check): RowIndex | undefined {
  return checks.get(check);
}

/** Reads the indexes of a row; 0 for those that it does not have. */
export function rowIndex(row: Readonly<Record<string, unknown>>): RowIndex {
  const whole = (value: unknown) => (Number.isSafeInteger(value) ? (value as number) : 0);
  return { created: whole(row["CreateIndex"]), modified: whole(row["ModifyIndex"]) };
}
