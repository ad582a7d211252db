/** The visitors of the shop: requests to `web` through its Envoy, and the figures of the last seconds. */
import { httpSender, type Load, type LoadReport, type Stretch, startLoad } from "@legation/local";

/** Running visitors. */
export interface Traffic {
  readonly load: Load;
  /** To be called once a second. */
  tick(): void;
  /** The last five seconds. */
  recent(): LoadReport;
  /** Successes per second, the newest last. */
  readonly rates: readonly number[];
  /** Failures per second, the newest last. */
  readonly failures: readonly number[];
}

const window = 5;
const kept = 60;

/** Starts `rate` requests a second to the URL. */
export function startTraffic(url: string, rate: number): Traffic {
  const load = startLoad({ sender: httpSender({ url, timeoutMs: 30_000, succeeds: (status) => status === 200 }), rate });
  const stretches: Stretch[] = [load.stretch()];
  const rates: number[] = [];
  const failures: number[] = [];
  let last = load.report();
  return {
    load,
    rates,
    failures,
    tick() {
      const now = load.report();
      push(rates, now.succeeded - last.succeeded);
      push(failures, now.failed - last.failed);
      last = now;
      stretches.push(load.stretch());
      if (stretches.length > window) void stretches.shift()?.end();
    },
    recent: () => stretches[0]?.report() ?? last,
  };
}

function push(list: number[], value: number): void {
  list.push(value);
  if (list.length > kept) list.shift();
}
