/** One measurement: load of one kind through the two Envoys, timed at the caller, and what both Envoys took of the CPU meanwhile. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { LatencyHistogram, type Sender, type ServiceProcess, startLoad, until } from "@legation/local";
import { type ConnectionKind, closingBehindAnswers } from "./connections.js";
import type { Options } from "./options.js";
import type { Stage, Wire } from "./stage.js";

/** Figures of one measurement. */
export interface Figures {
  /** Milliseconds from sending to the last byte. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of CPU for each request: the caller's Envoy, the callee's, and both. */
  readonly callerCpu: number;
  readonly calleeCpu: number;
  readonly cpu: number;
  readonly requests: number;
  /** Connections that the caller's Envoy made. */
  readonly connections: number;
}

const warmUpMs = 1_000;

/** Measures. Throws when a request failed, or when the connections were not of the kind or the wire that they should be. */
export async function measure(stage: Stage, kind: ConnectionKind, wire: Wire, options: Options): Promise<Figures> {
  const callee = stage[kind.service];
  const take = () => load(stage.caller, callee, kind, wire, options);
  return kind.anew ? await closingBehindAnswers(callee, take) : await take();
}

async function load(caller: ServiceProcess, callee: ServiceProcess, kind: ConnectionKind, wire: Wire, options: Options): Promise<Figures> {
  const { sender, startTiming, latency } = timed(kind.sender(caller.outbound));
  const running = startLoad({ sender, rate: options.rate });
  try {
    await sleep(warmUpMs);
    await until(async (note) => spoken(await callee.envoy.stats("^http\\.inbound\\.downstream_cx_(ssl_)?active$"), kind, wire, note), {
      what: `every connection to ${callee.id} to be ${wire}`,
      limitMs: 30_000,
    });
    const [own, theirs] = [(await caller.pids()).envoy, (await callee.pids()).envoy];
    const made = await connectionsOf(caller, kind.service);
    const before = [cpuOf(own), cpuOf(theirs)] as const;
    startTiming();
    const stretch = running.stretch();
    await sleep(options.seconds * 1_000);
    const { failed, due, failuresByReason } = await stretch.end();
    const after = [cpuOf(own), cpuOf(theirs)] as const;
    const now = await connectionsOf(caller, kind.service);
    if (failed > 0) throw new Error(`${kind.title}, ${wire}: ${failed} of ${due} requests failed: ${JSON.stringify(failuresByReason)}`);
    const connections = now.total - made.total;
    const byTls = now.tls - made.tls;
    if (kind.anew && connections < due) throw new Error(`${kind.title}, ${wire}: ${connections} connections for ${due} requests`);
    if (kind.anew && wire === "mtls" && byTls < due) throw new Error(`${kind.title}: ${byTls} connections by TLS for ${due} requests`);
    if (wire === "plain" && byTls > 0) throw new Error(`${kind.title}, ${wire}: ${byTls} connections by TLS`);
    const [callerCpu, calleeCpu] = [(after[0] - before[0]) / due, (after[1] - before[1]) / due];
    const { p50, p99 } = latency().summary();
    return { p50, p99, callerCpu, calleeCpu, cpu: callerCpu + calleeCpu, requests: due, connections };
  } finally {
    await running.stop();
  }
}

/** The sender with a clock: its latencies since `startTiming`. What the generator itself was late by is no part of them. */
function timed(sender: Sender): { sender: Sender; startTiming(): void; latency(): LatencyHistogram } {
  let histogram = new LatencyHistogram();
  return {
    sender: {
      async send() {
        const [began, into] = [performance.now(), histogram];
        const outcome = await sender.send();
        into.add(performance.now() - began);
        return outcome;
      },
      close: () => sender.close(),
    },
    startTiming() {
      histogram = new LatencyHistogram();
    },
    latency: () => histogram,
  };
}

function spoken(stats: Readonly<Record<string, number>>, { anew }: ConnectionKind, wire: Wire, note: (seen: unknown) => void): boolean {
  note(stats);
  const all = stats["http.inbound.downstream_cx_active"] ?? 0;
  const byTls = stats["http.inbound.downstream_cx_ssl_active"] ?? 0;
  return (anew || all > 0) && byTls === (wire === "mtls" ? all : 0);
}

async function connectionsOf(caller: ServiceProcess, service: string): Promise<{ total: number; tls: number }> {
  const stats = await caller.envoy.stats(`^cluster\\.${service}\\.(upstream_cx_total|ssl\\.handshake)$`);
  return { total: stats[`cluster.${service}.upstream_cx_total`] ?? 0, tls: stats[`cluster.${service}.ssl.handshake`] ?? 0 };
}

/** Microseconds that all threads of a process have run so far, as the scheduler counts them. */
function cpuOf(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]), 0) / 1_000;
}
