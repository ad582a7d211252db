/** Changes and a ledger that holds them, for tests. */
import type { Clock } from "@legation/runtime";
import { createResourceCache } from "@legation/xds";
import type { Change } from "../ledger/change.js";
import { createLedger } from "../ledger/ledger.js";
import { createAskLedgers } from "../ledger/question.js";
import type { LedgerSetup } from "../ledger/setup.js";
import { typeWord } from "../telemetry/metrics.js";

/** A change about a service. */
export function changeTo(service: string, mark: string, more: Partial<Change> = {}): Change {
  const index = Number.parseInt(mark, 10);
  return {
    id: `registry:${service}:${mark}`,
    kind: "registry",
    service,
    what: `${service} at ${mark}`,
    items: [{ name: `n1/${service}-1`, after: index - 1, index }],
    ...more,
  };
}

/** A ledger without streams that holds these changes, and no other control plane beside it. */
export function ledgerOf(changes: readonly Change[], clock: Clock): ReturnType<LedgerSetup["asker"]> {
  const ledger = createLedger({
    ...{ cache: createResourceCache(), clock, word: typeWord },
    changed: () => undefined,
    closed: () => undefined,
    describe: ({ name }) => ({ resource: name, policies: [] }),
  });
  ledger.seen(changes, () => undefined);
  const gather = async () => ({ answers: [], silent: [] });
  return { ledger, ask: createAskLedgers({ ledger, address: () => "127.0.0.1:8080", gather, now: () => clock.now() }) };
}
