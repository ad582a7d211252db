/** The policies that are in force at this replica: the last bundle that was good, whatever the store or the files hold now. */
import { noPolicies, type PolicySet } from "@legation/mesh/policy";
import { type Clock, type Logger, messageOf, type Timer } from "@legation/runtime";
import type { Teller } from "../events/events.js";
import { policyApplied } from "../events/policy-events.js";
import { freshStateWait } from "../reconcile/feed.js";
import type { SecurityEvents } from "../security/events.js";
import { type ApprovedState, nothingApproved } from "./approval-chain.js";
import type { Bundle } from "./bundle.js";
import type { PolicyWatcher } from "./kv-source.js";
import type { PolicyRefusal } from "./refusal.js";
import type { SavedBundle } from "./saved-bundle.js";

/**
 * How long policies that cannot be read are waited for where none are known; milliseconds. The first question may have met a Consul without a
 * leader; a token that may not read them never will.
 */
export const unreadableWait = 5_000;

/** How the policies of this replica stand. */
export interface PolicyStatus {
  /** Of the bundle in force: its hash; undefined where no policies were ever set. */
  readonly bundle: Bundle | undefined;
  /** The source holds policies that are not taken. */
  readonly refused: boolean;
  /** Why what the source holds is not in force; undefined while all is well. */
  readonly problem: { readonly code: string; readonly bundle: string | undefined; readonly message: string } | undefined;
}

/** The policies in force. A source tells it what it holds. */
export interface LivePolicies extends PolicyWatcher {
  /** Takes the bundle of the last run. Call it before the source starts. */
  restore(saved: SavedBundle): void;
  policies(): PolicySet;
  approved(): ApprovedState;
  status(): PolicyStatus;
  /**
   * True once the source has answered, or is known not to; until then what proxies hold may be newer. Also false as long as there are policies
   * that are refused, and none from before: what they ask for must not be taken for nothing.
   */
  readonly settled: boolean;
  stop(): void;
}

/** Makes it, with no policies. `apply` gets each set that comes into force, `save` each bundle; `settled` is called once. */
export function createLivePolicies(o: {
  readonly apply: (policies: PolicySet) => void;
  readonly save: (bundle: Bundle) => void;
  readonly settled: () => void;
  readonly events: Teller;
  readonly security: Pick<SecurityEvents, "report">;
  readonly clock: Clock;
  readonly log: Logger;
}): LivePolicies {
  const { events, log } = o;
  let bundle: Bundle | undefined;
  let problem: PolicyStatus["problem"];
  let settled = false;
  let refused = false;
  let wait: Timer | undefined;

  function settle(): void {
    wait?.cancel();
    if (settled) return;
    settled = true;
    if (!bundle) o.apply(noPolicies);
    o.settled();
  }

  function isNews(code: string, id: string | undefined, message: string): boolean {
    const before = problem;
    problem = { code, bundle: id, message };
    return before?.message !== message || before.bundle !== id;
  }

  function meanwhile(): string {
    if (bundle) return `Version ${bundle.manifest.version} stays in force.`;
    return settled || !refused
      ? "No policies are in force."
      : "Proxies keep what they hold, and are told nothing until the policies are right.";
  }

  return {
    restore(saved) {
      bundle = saved.bundle;
      o.apply(bundle.policies);
      wait = o.clock.timeout(freshStateWait, settle);
      const { version } = bundle.manifest;
      log.info(
        { event: "policies.restored", bundle: bundle.id, version },
        `the policies of the last run, version ${version}, are in force`,
      );
    },
    onBundle(next) {
      if (problem) {
        log.info({ event: "policies.recovered" }, "the policies can be read again");
        events.tell({ type: "policy.recovered", text: "the policies in the store can be taken again", details: {} });
      }
      problem = undefined;
      refused = false;
      if (next && next.id !== bundle?.id) {
        const applied = policyApplied(bundle?.policies ?? noPolicies, next);
        bundle = next;
        const { version, author, reason } = next.manifest;
        const by = `version ${version} by ${author || "nobody named"}${reason ? `: ${reason}` : ""}`;
        log.info({ event: "policies.changed", bundle: next.id, version, author, reason }, `policies changed to ${by}`);
        // What was in force before this control plane began is no news.
        (settled ? events.tell : events.settle)(applied);
        o.apply(next.policies);
        o.save(next);
      }
      settle();
    },
    onRefused(refusal: PolicyRefusal, id) {
      const { code, message } = refusal;
      refused = true;
      if (isNews(code, id, message)) {
        log.error({ event: "policies.refused", code, bundle: id, why: message }, `${message}. ${meanwhile()}`);
        const details = { code, ...(id === undefined ? {} : { bundle: id }), why: message };
        events.tell({ type: "policy.refused", severity: "error", text: message, details });
      }
      if (code !== "policy.invalid") o.security.report({ kind: "bundle-tampered", subject: id ?? "head", message, detail: { code } });
      if (bundle) settle();
    },
    onLost(error) {
      const message = messageOf(error);
      if (isNews("policy.unreachable", undefined, message))
        log.warn({ event: "policies.unreachable", why: message }, `policies cannot be read: ${message} ${meanwhile()}`);
      if (bundle) settle();
      else if (!settled && !refused) wait ??= o.clock.timeout(unreadableWait, () => refused || settle());
    },
    policies: () => bundle?.policies ?? noPolicies,
    approved: () => bundle?.approved ?? nothingApproved,
    status: () => ({ bundle, refused, problem }),
    get settled() {
      return settled;
    },
    stop: () => wait?.cancel(),
  };
}
