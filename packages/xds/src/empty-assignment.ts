/** The endpoints of a cluster that exists but has none: an empty assignment, so that nothing warms forever. */
import { contentVersion, type Resource } from "./resource.js";
import { TypeUrl } from "./type.js";
import type { View } from "./view.js";
import { stringField } from "./wire.js";

const assignments = new WeakMap<Resource, Resource>();

/** An empty ClusterLoadAssignment when the node has a cluster of that name; undefined otherwise. */
export function emptyAssignment(view: View | undefined, name: string): Resource | undefined {
  const cluster = view?.lookup(TypeUrl.cluster, name);
  if (!cluster) return undefined;
  let assignment = assignments.get(cluster);
  if (!assignment) {
    const bytes = stringField(1, name);
    assignment = { typeUrl: TypeUrl.endpoint, name, version: contentVersion(bytes), bytes, provenance: cluster.provenance };
    assignments.set(cluster, assignment);
  }
  return assignment;
}
