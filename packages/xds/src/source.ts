/** What exists for one client, of one type: its view, with the empty assignments of clusters that have no endpoints. */
import type { Demands } from "./demand.js";
import { emptyAssignment } from "./empty-assignment.js";
import type { Source } from "./plan.js";
import type { Resource } from "./resource.js";
import { TypeUrl } from "./type.js";
import type { View } from "./view.js";

/** The source of a type over the view that `view` returns at each look. */
export function createSource(typeUrl: string, emptyAssignments: boolean, demands: Demands, view: () => View | undefined): Source {
  const inView = (name: string): Resource | undefined => view()?.lookup(typeUrl, name);
  const lookup =
    typeUrl === TypeUrl.endpoint && emptyAssignments ? (name: string) => inView(name) ?? emptyAssignment(view(), name) : inView;
  return {
    lookup,
    visible: (name) => view()?.visible(typeUrl, name),
    all: () => view()?.all(typeUrl) ?? [],
    resolve: (list) => view()?.resolve(typeUrl, list, lookup),
    awaited: (name) => demands.awaits(typeUrl, name),
  };
}
