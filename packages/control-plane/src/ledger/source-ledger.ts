/** What the sources tell goes through here on its way to the reconciler, so that each change is recorded with what it leads to. */
import type { CatalogService, Trust } from "@legation/mesh";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { SaidIntentions } from "../sources/consul-intentions.js";
import { indexOfInstance } from "../sources/row-index.js";
import { intentionChanges } from "./intention-changes.js";
import type { Ledger } from "./ledger.js";
import { type KnownBundle, noticeChange, policyChange, rootChange, trustChange } from "./mesh-changes.js";
import { registryChanges } from "./registry-changes.js";

/** What the first reading of a source says is no change: there is nothing before it. */
export interface SourceLedger {
  /** The reconciler, for the source of services. */
  registry(reconciler: Pick<Reconciler, "set" | "remove" | "flush">): Pick<Reconciler, "set" | "remove" | "flush">;
  /** What was told of the registry so far is the state of the last run: what differs from it is a change. */
  began(): void;
  /** Consul has been read for the first time. */
  complete(): void;
  /** The reconciler, for what agents say of their instances. */
  notices<R extends Pick<Reconciler, "leave" | "arrive" | "service">>(reconciler: R): R;
  /** `known` is what the last run knew. */
  intentions(said: SaidIntentions | undefined, known: SaidIntentions | undefined, apply: () => void): void;
  trust(trust: Trust | undefined, apply: () => void): void;
  /** Consul's CA signs by this root, as Consul names it. */
  root(id: string): void;
  /** `stored`: the policies come from Consul. */
  policies(bundle: KnownBundle | undefined, stored: boolean, apply: () => void): void;
}

/** Makes it, with nothing known. `trust` is what the last run knew; null when there was none. */
export function createSourceLedger(
  ledger: Pick<Ledger, "seen" | "caughtUp">,
  o: { readonly trust: Trust | undefined | null },
): SourceLedger {
  const services = new Map<string, CatalogService>();
  let recording = false;
  let said: SaidIntentions | undefined;
  let trusts = o.trust !== null;
  let root: string | undefined;
  let bundle: { readonly known: KnownBundle | undefined } | undefined;

  function become(name: string, now: CatalogService | undefined, apply: () => void): void {
    const before = services.get(name);
    if (now) services.set(name, now);
    else services.delete(name);
    if (recording) ledger.seen(registryChanges(name, before, now), apply);
    else apply();
  }

  return {
    registry: (reconciler) => ({
      set: (service) => become(service.name, service, () => reconciler.set(service)),
      remove: (name) => become(name, undefined, () => reconciler.remove(name)),
      flush: reconciler.flush,
    }),
    began() {
      recording = true;
    },
    complete() {
      recording = true;
      ledger.caughtUp();
    },
    notices(reconciler) {
      const registered = (service: string, node: string, id: string) => {
        const found = reconciler.service(service)?.instances.find((instance) => instance.node === node && instance.id === id);
        return found && (indexOfInstance(found)?.service.created ?? 0);
      };
      return {
        ...reconciler,
        leave(notice) {
          const index = registered(notice.service, notice.node, notice.id);
          if (index === undefined || notice.again === true) return reconciler.leave(notice);
          return ledger.seen([noticeChange("leaving", notice, index)], () => reconciler.leave(notice), notice.service);
        },
        arrive(notice) {
          const index = registered(notice.service, notice.node, notice.id);
          if (index === undefined) return reconciler.arrive(notice);
          return ledger.seen([noticeChange("arriving", notice, index)], () => reconciler.arrive(notice), notice.service);
        },
      };
    },
    intentions(now, known, apply) {
      const before = said ?? known;
      said = now;
      if (before && now) ledger.seen(intentionChanges(before, now), apply);
      else apply();
    },
    trust(trust, apply) {
      if (trusts) ledger.seen([trustChange(trust)], apply);
      else apply();
      trusts = true;
    },
    root(id) {
      if (root !== undefined && root !== id) ledger.seen([rootChange(id)], () => undefined);
      root = id;
    },
    policies(now, stored, apply) {
      const before = bundle;
      bundle = { known: now };
      if (before && now && now.id !== before.known?.id) ledger.seen([policyChange(before.known, now, stored)], apply);
      else apply();
    },
  };
}
