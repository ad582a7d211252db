/** What the agents' Envoys measure, put together: who knows it, what follows from it for endpoints, and how breakers stand. */
import type { Clock, Lifecycle, Logger } from "@legation/runtime";
import type { Teller } from "../events/events.js";
import type { Reconciler } from "../reconcile/reconciler.js";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replica } from "../replicas/directory.js";
import { createFiguresFile, readFigures } from "../state/figures-file.js";
import { createFigureBook, type FigureBook } from "./book.js";
import { type Breakers, createBreakers } from "./breakers.js";
import { createFigureRelay, type FigureRelay } from "./relay.js";
import { createShares, type Shares } from "./shares.js";

/** See the file's sentence. */
export interface Figures {
  readonly book: FigureBook;
  readonly shares: Shares;
  readonly breakers: Breakers;
  /** Begins to ask the other control planes. */
  relay(others: () => readonly Replica[], ask: AskReplica): void;
  /** Consul has said who they are. */
  replicasKnown(): void;
  /** What this replica knows after its start is what the others know: endpoints may be given to proxies. */
  settled(): boolean;
}

/** Reads what is kept in the state directory. `refresh` is called when proxies may be served. */
export async function createFigures(o: {
  readonly stateDir: string;
  readonly reconciler: Pick<Reconciler, "service" | "reweigh" | "flush">;
  readonly events: Teller;
  readonly refresh: () => void;
  /** Ends what is begun here. */
  readonly lifecycle: Pick<Lifecycle, "onStop">;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<Figures> {
  const { reconciler, clock, log } = o;
  const service = reconciler.service;
  let relay: FigureRelay | undefined;
  const book = createFigureBook(clock, ({ load, breakers: called }) => {
    if (load !== undefined) {
      shares.touched(load);
      file.changed();
    }
    if (called.length > 0) breakers.touched(called);
  });
  const shares = createShares({ service, loadOf: book.loadOf, changed: reconciler.reweigh, clock });
  const breakers = createBreakers({ book, service, events: o.events, clock });
  const file = createFiguresFile(o.stateDir, book.loads, { clock, log });
  book.merge(await readFigures(o.stateDir, log));
  o.lifecycle.onStop("figures", 2_000, async () => {
    relay?.stop();
    shares.stop();
    breakers.stop();
    await file.stop();
  });
  return {
    book,
    shares,
    breakers,
    relay(others, ask) {
      relay = createFigureRelay({
        book,
        others,
        ask,
        onSettled() {
          shares.start();
          reconciler.flush();
          o.refresh();
        },
        clock,
        log,
      });
      relay.start();
    },
    replicasKnown: () => relay?.replicasKnown(),
    settled: () => relay?.settled() ?? false,
  };
}
