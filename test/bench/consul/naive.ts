/** How Consul is watched without much thought: the baselines that the bench compares with. */
import { setMaxListeners } from "node:events";
import { type Answer, createConsul, watch } from "@legation/consul";
import { createBackoff, systemClock } from "@legation/runtime";
import type { OnSeen, Seen, Watching } from "./watching.js";

interface ServiceRow {
  readonly Service: { readonly ID: string; readonly Weights: { readonly Passing: number } };
  readonly Checks: readonly { readonly Status: string }[];
}

interface CheckRow {
  readonly CheckID: string;
  readonly ServiceName: string;
  readonly ServiceID: string;
  readonly Status: string;
}

function seen(rows: readonly ServiceRow[]): Seen[] {
  return rows.map((row) => ({
    id: row.Service.ID,
    weight: row.Service.Weights.Passing,
    critical: row.Checks.some((check) => check.Status === "critical"),
  }));
}

function open(url: string, maxConnections: number) {
  const consul = createConsul({ address: url, maxConnections });
  const end = new AbortController();
  setMaxListeners(0, end.signal);
  const traffic = { requests: 0, bytes: 0 };
  const count = (answer: Answer<unknown>) => {
    traffic.requests++;
    traffic.bytes += answer.bytes;
  };
  const follow = <T>(path: string, onValue: (data: T) => void | Promise<void>, filter?: string) => {
    const signal = new AbortController();
    end.signal.addEventListener("abort", () => signal.abort());
    watch<T>(
      consul,
      { path, ...(filter ? { filter } : {}) },
      {
        onValue,
        onAnswer: count,
        onError: () => undefined,
        signal: signal.signal,
        clock: systemClock,
        backoff: createBackoff({ base: 100, max: 1_000 }),
      },
    );
    return () => signal.abort();
  };
  const stop = () => {
    end.abort();
    consul.close();
  };
  return { consul, follow, count, traffic, stop };
}

/**
 * Two blocking queries: the state of all checks, and the list of services, after whose every change all services are read again. With
 * a filter, Consul sends only the checks that do not pass.
 */
export function watchEverything(url: string, onSeen: OnSeen, filter?: string): Watching {
  const { consul, follow, count, traffic, stop } = open(url, 12);
  const services = new Map<string, Seen[]>();
  let bad = new Map<string, string>();
  let finish = () => {};
  const complete = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const tell = (name: string) => {
    const instances = services.get(name) ?? [];
    onSeen(
      name,
      instances.map((i) => ({ ...i, critical: bad.get(`${name}/${i.id}`) === "critical" })),
    );
  };
  follow<CheckRow[]>(
    "/health/state/any",
    (rows) => {
      const next = new Map(
        rows.filter((row) => row.Status !== "passing").map((row) => [`${row.ServiceName}/${row.ServiceID}`, row.Status]),
      );
      const changed = [...next, ...bad].filter(([key]) => next.get(key) !== bad.get(key)).map(([key]) => key.split("/")[0] ?? "");
      bad = next;
      for (const name of new Set(changed)) tell(name);
    },
    filter,
  );
  follow<Record<string, unknown>>("/catalog/services", async (list) => {
    const names = Object.keys(list);
    for (const name of services.keys())
      if (!(name in list)) {
        services.delete(name);
        onSeen(name, []);
      }
    const worker = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop()) {
        const answer = await consul.get<ServiceRow[]>(`/health/service/${name}`);
        count(answer);
        services.set(name, seen(answer.data));
        tell(name);
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    finish();
  });
  return { complete, traffic: () => traffic, stop };
}

/** One blocking query, and with it one connection, for each service; Consul's limit of 200 connections has to be raised for it. */
export function watchEachService(url: string, onSeen: OnSeen): Watching {
  const { follow, traffic, stop } = open(url, 10_000);
  const running = new Map<string, () => void>();
  const waiting = new Set<string>();
  let finish = () => {};
  const complete = new Promise<void>((resolve) => {
    finish = resolve;
  });
  follow<Record<string, unknown>>("/catalog/services", (list) => {
    for (const [name, end] of running)
      if (!(name in list)) {
        end();
        running.delete(name);
        onSeen(name, []);
      }
    for (const name of Object.keys(list)) {
      if (running.has(name)) continue;
      waiting.add(name);
      const end = follow<ServiceRow[]>(`/health/service/${name}`, (rows) => {
        onSeen(name, seen(rows));
        if (waiting.delete(name) && waiting.size === 0) finish();
      });
      running.set(name, end);
    }
  });
  return { complete, traffic: () => traffic, stop };
}
