/** The mark in Consul that keeps an instance out of service: set and taken away as wished, and left alone where it is somebody else's. */
import { drainingReason, maintenanceCheckId, operatorReason } from "@legation/contract";
import type { Logger } from "@legation/runtime";
import type { ConsulAgent } from "./consul-agent.js";

/** See the file's sentence. */
export interface Maintenance {
  /** True while Consul is to keep the instance out of service. */
  readonly wished: boolean;
  /** The agent drains, or does so no longer. */
  drain(on: boolean): void;
  /** An operator's maintenance with its reason; undefined ends it, whoever has set the mark. */
  operator(reason: string | undefined): void;
  /** Makes Consul as wished; asks nothing when that is known already. False when Consul does not know the service. */
  settle(): Promise<boolean>;
  /** What Consul has is not known any more. */
  forget(): void;
}

/** What it needs. */
export interface MaintenanceOptions {
  readonly consul: ConsulAgent;
  /** Of the service in Consul. */
  readonly id: string;
  readonly log: Logger;
  /** An operator's maintenance was ended, and no mark stands any more. */
  readonly onEnded?: (() => void) | undefined;
}

/** Creates it for one instance. Until `settle`, a mark of an earlier agent of ours may stand there. */
export function createMaintenance({ consul, id, log, onEnded }: MaintenanceOptions): Maintenance {
  let draining = false;
  let operator: string | undefined;
  /** The operator has ended it: whatever mark stands there goes. */
  let clear = false;
  /** As Consul has been made, or found in order. */
  let settled: boolean | undefined;

  const wish = (): string | undefined => operator ?? (draining ? drainingReason : undefined);

  let settling: Promise<unknown> = Promise.resolve();

  const settleNow = async (): Promise<boolean> => {
    const reason = wish();
    const on = reason !== undefined;
    if (settled === on) return true;
    const mark = (await consul.checks(id)).find((check) => check.id === maintenanceCheckId(id));
    const theirs = mark !== undefined && mark.notes !== drainingReason && !(clear && !on);
    if (theirs && !on)
      log.warn(
        { event: "registrar.maintenance", reason: mark.notes },
        `an operator holds ${id} in maintenance: ${mark.notes || "no reason given"}`,
      );
    // A mark that stands does what any other would: Consul keeps its reason, and it is not ours to take away.
    const done = (mark !== undefined) === on || theirs;
    if (!done && !(await consul.maintenance(id, on, reason ?? ""))) return false;
    settled = on;
    if (clear && !on) onEnded?.();
    if (!on) clear = false;
    return true;
  };

  return {
    get wished() {
      return wish() !== undefined;
    },
    drain(on) {
      draining = on;
    },
    operator(reason) {
      clear = reason === undefined;
      if (clear) settled = undefined;
      operator = reason === undefined ? undefined : operatorReason(reason);
    },
    settle() {
      const mine = settling.catch(() => undefined).then(settleNow);
      settling = mine;
      return mine;
    },
    forget() {
      settled = undefined;
    },
  };
}
