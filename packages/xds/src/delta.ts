/** The incremental variant: requests change the subscription, responses carry what changed. */
import type { Answer } from "./frame.js";
import type { Plan } from "./plan.js";
import type { DeltaRequest } from "./request.js";
import type { Subscription } from "./subscription.js";

/** Applies what a request says of the subscription. `first` is the first request of this type on the stream. */
export function applyDelta(subscription: Subscription, request: DeltaRequest, first: boolean): void {
  const { subscribe, unsubscribe, initialVersions } = request;
  if (first) {
    for (const [name, version] of initialVersions) subscription.holding.set(name, { claimed: version });
    if (initialVersions.size > 0) subscription.answered = true;
    if (subscribe.names.length === 0 && subscription.type.legacyWildcard) subscription.enterWildcard();
  }
  for (const name of unsubscribe.names) {
    if (name === "*") subscription.leaveWildcard();
    else subscription.unsubscribe(name);
  }
  if (first && subscription.subscribeAll(subscribe)) return;
  for (const name of subscribe.names) {
    if (name === "*") subscription.enterWildcard();
    else subscription.subscribe(name, !(first && initialVersions.has(name)));
  }
  if (!first || subscription.wildcard) return;
  for (const name of initialVersions.keys()) if (!subscription.names.has(name)) subscription.holding.set(name, undefined);
}

/** The response that says what a plan holds. */
export function answerDelta(subscription: Subscription, plan: Plan, version: string | undefined): Answer {
  if (subscription.type.aliased) {
    return { variant: "delta", typeUrl: subscription.type.url, resources: plan.set, removed: plan.remove, empty: plan.absent, version };
  }
  return {
    variant: "delta",
    typeUrl: subscription.type.url,
    resources: plan.set,
    removed: plan.absent.length === 0 ? plan.remove : [...plan.remove, ...plan.absent],
    version,
  };
}
