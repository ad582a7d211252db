/** The ledger of one control plane, put together: its book, its file, its figures, and who tells it what. */
import type { Provenance, Trust } from "@legation/mesh";
import type { Clock, Lifecycle, Logger, Registry } from "@legation/runtime";
import type { Resource, ResourceCache } from "@legation/xds";
import { blameText } from "../quarantine/blame.js";
import type { RefusedContent } from "../quarantine/refused-content.js";
import type { Gather } from "../replicas/gather.js";
import { typeWord } from "../telemetry/metrics.js";
import { createLedgerFigures } from "./figures.js";
import { createLedgerFile, readLedgerFile } from "./file.js";
import { createLedger, type Ledger } from "./ledger.js";
import { type AskLedgers, createAskLedgers } from "./question.js";
import { createSourceLedger, type SourceLedger } from "./source-ledger.js";

/** See the file's sentence. */
export interface LedgerSetup {
  readonly ledger: Ledger;
  readonly sources: SourceLedger;
  /** What the API asks, of this ledger and those of the other control planes. `address` is `host:port` of this replica's API. */
  asker(gather: Gather, address: () => string): { readonly ledger: Ledger; readonly ask: AskLedgers };
}

/** Makes it, with what the last run has kept. `saved` is what that knew of trust; undefined when there was no last run. */
export async function createLedgerSetup(o: {
  readonly cache: ResourceCache;
  readonly stateDir: string;
  readonly saved: { readonly trust?: Trust | undefined } | undefined;
  readonly registry: Registry;
  /** What proxies refused, with the policies that are to blame. */
  readonly quarantined: () => readonly RefusedContent[];
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<LedgerSetup> {
  const { cache, stateDir, clock, log } = o;
  const records = await readLedgerFile(stateDir, log);

  const describe = (resource: Resource) => ({
    resource: `${typeWord(resource.typeUrl)} ${resource.name}`,
    policies: [...policiesOf(resource, o.quarantined())],
  });
  const ledger: Ledger = createLedger({
    ...{ cache, clock, records, describe },
    changed: (id) => file.changed(id),
    closed: (_open, record) => count(record),
    word: typeWord,
  });
  const file = createLedgerFile({ stateDir, record: ledger.book.record, clock, log });
  o.lifecycle.onStop("ledger", 2_000, () => file.stop());
  const count = createLedgerFigures(o.registry, { underWay: ledger.underWay, now: () => clock.monotonic(), book: () => ledger.book });
  return {
    ledger,
    sources: createSourceLedger(ledger, { trust: o.saved ? o.saved.trust : null }),
    asker: (gather, address) => ({ ledger, ask: createAskLedgers({ ledger, address, gather, now: () => clock.now() }) }),
  };
}

/** The policies that a refused resource was made from; with the fields that are to blame where the quarantine knows them. */
function policiesOf({ typeUrl, name, version, provenance }: Resource, quarantined: readonly RefusedContent[]): readonly string[] {
  const documents = (provenance as Provenance | undefined)?.policies ?? [];
  const blame = quarantined.flatMap((refused) => {
    const same = refused.part ? refused.typeUrl === typeUrl : refused.name === name && refused.version === version;
    return same && refused.typeUrl === typeUrl ? refused.blame : [];
  });
  const known = blame.filter(({ document }) => documents.length === 0 || documents.includes(document));
  return known.length > 0 ? [...new Set(known.map(blameText))] : documents;
}
