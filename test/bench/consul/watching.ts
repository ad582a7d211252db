/** A way of watching Consul, as the bench sees it, and Legation's own. */
import { createConsul } from "@legation/consul";
import { createConsulCatalog } from "@legation/control-plane/sources";
import { createLogger, systemClock } from "@legation/runtime";

/** What is compared of an instance. */
export interface Seen {
  readonly id: string;
  readonly weight: number;
  readonly critical: boolean;
}

/** Told whenever a service stands otherwise; no instances: it is gone. */
export type OnSeen = (service: string, instances: readonly Seen[]) => void;

/** A watcher that runs. */
export interface Watching {
  /** Resolves when everything has been read once. */
  readonly complete: Promise<void>;
  traffic(): { readonly requests: number; readonly bytes: number };
  stop(): void;
}

/** Legation's source of services with its defaults. */
export function watchAsLegation(url: string, onSeen: OnSeen): Watching {
  const consul = createConsul({ address: url });
  let done = () => {};
  const complete = new Promise<void>((resolve) => {
    done = resolve;
  });
  const source = createConsulCatalog({
    consul,
    clock: systemClock,
    log: createLogger({ name: "bench", level: "warn" }),
    onEvent(event) {
      if (event.kind === "complete") done();
      if (event.kind === "removed") onSeen(event.name, []);
      if (event.kind !== "service") return;
      const { name, instances } = event.service;
      onSeen(
        name,
        instances.map((i) => ({ id: i.id, weight: i.weights.passing, critical: i.checks.some((check) => check.status === "critical") })),
      );
    },
  });
  source.start();
  return {
    complete,
    traffic: () => source.status().traffic,
    stop() {
      source.stop();
      consul.close();
    },
  };
}
