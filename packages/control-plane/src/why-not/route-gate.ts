/** Whether routes send requests to an instance at all: by the rules of its own service and of others, and by subsets. Pure. */
import { anyRequest, type RouteRule, type Subsets, subsetsOf } from "@legation/mesh";
import type { InstanceStatus } from "../status/instance-status.js";
import { type Found, open, partly, shut } from "./gates.js";

/** What policies say. */
export interface RouteFacts {
  /** What becomes of requests to the instance's service, in their order. */
  readonly rules: readonly RouteRule[];
  /** Rules of other services that lead here. */
  readonly leadingHere: readonly RouteRule[];
  readonly subsets: Subsets;
}

/** Looks at the rules. */
export function routeGate({ service, instance }: InstanceStatus, { rules, leadingHere, subsets }: RouteFacts): Found {
  if (!instance) return partly("there is no registration to look at");
  const mine = new Set(subsetsOf(instance, subsets));
  const reaches = ({ action }: RouteRule): boolean =>
    action.kind === "forward" &&
    action.to.some((to) => to.service === service && to.weight > 0 && to.declared && (to.subset === undefined || mine.has(to.subset)));
  // What no rule takes goes to the service as it is.
  const last = rules.findIndex(takesAll);
  const considered = last < 0 ? rules : rules.slice(0, last + 1);
  const taken = [...considered, ...leadingHere].filter(reaches);
  if (rules.length === 0) return open("no route speaks of its service: all its requests may come here");
  if (last < 0)
    return open(`requests that no rule of its service takes may come here${taken.length > 0 ? `, and those of ${names(taken)}` : ""}`);
  if (taken.length > 0) return open(`requests of ${names(taken)} may come here`);
  const belongs = mine.size > 0 ? `it belongs to ${[...mine].join(", ")}` : "it belongs to no subset";
  const [rule] = considered.slice(-1);
  return shut(
    `no route sends it anything: ${rule?.name ?? "a rule"} takes what is left and leads elsewhere; ${belongs}`,
    `Change ${rule?.document ?? "the route"}, or what the instance is registered with (version, tags, meta), so that a subset in use fits it`,
  );
}

function names(rules: readonly RouteRule[]): string {
  const all = rules.map(({ name }) => name);
  return all.length > 5 ? `${all.slice(0, 5).join(", ")} and ${all.length - 5} more` : all.join(", ");
}

/** No request that comes so far goes on behind it. */
function takesAll({ match: { path, grpc, methods, headers, query } }: RouteRule): boolean {
  const any = anyRequest.path;
  return path.kind === any.kind && path.value === any.value && !grpc && methods.length + headers.length + query.length === 0;
}
