/** What tests of identity need of a mesh: its policy, what the agents say of it, and the load of all protocols. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { IdentityMode } from "@legation/contract";
import {
  httpSender,
  type LoadReport,
  type Mesh,
  type MeshRun,
  openSandbox,
  type Sender,
  type ServiceProcess,
  startLoad,
  untilMode as untilModeWithin,
  writeIdentity,
} from "@legation/local";
import { http2Sender, type StreamCounts, streamSender } from "@legation/prove/load";
import { limitMs } from "./fixture.js";

/** Where the policies of a mesh stand that `withPolicies` has set up. */
export function policiesOf(mesh: Pick<Mesh, "sandbox">): string {
  return join(mesh.sandbox.dir, "policies");
}

/** A mesh whose control plane has its policies from files; mode `off` at first, since an empty directory is taken for a mistake. */
export function withPolicies(run: MeshRun = {}): MeshRun {
  const sandbox = openSandbox();
  const directory = policiesOf({ sandbox });
  mkdirSync(directory);
  writeMode(directory, "off");
  return { ...run, sandbox, controlPlane: { ...run.controlPlane, flags: ["--policies", directory] } };
}

/** Puts a mode into force for the whole mesh. */
export function setMode(mesh: Mesh, mode: IdentityMode): void {
  writeMode(policiesOf(mesh), mode);
}

function writeMode(directory: string, mode: IdentityMode): void {
  writeIdentity(directory, { mode, authorization: "off" });
}

/** Waits until each instance is as the mode says, and waits for nothing; twice as long as others wait, for a move has several steps. */
export async function untilMode(instances: readonly ServiceProcess[], mode: IdentityMode): Promise<void> {
  await untilModeWithin(instances, mode, 2 * limitMs);
}

/** How a load of all protocols went. */
export interface MixedReport {
  readonly failures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly byKind: Readonly<Record<string, LoadReport>>;
  readonly streams: StreamCounts;
}

/**
 * Constant load through the caller's Envoy: HTTP/1.1 and HTTP/2 to `orders`, half of each POST, which nobody repeats, and messages over gRPC
 * streams of two seconds to `prices`.
 */
export function mixedLoad(caller: ServiceProcess, rate: number): { stop(): Promise<MixedReport> } {
  const url = caller.outbound;
  const streams = streamSender({ address: url.replace("http://", ""), authority: "prices", streams: 8, messages: Math.ceil(rate / 4) });
  const senders: Readonly<Record<string, Sender>> = {
    "HTTP/1.1 GET": httpSender({ url, headers: { host: "orders" } }),
    "HTTP/1.1 POST": httpSender({ url, method: "POST", headers: { host: "orders" } }),
    "HTTP/2 GET": http2Sender({ url, authority: "orders" }),
    "HTTP/2 POST": http2Sender({ url, authority: "orders", method: "POST" }),
    "gRPC messages": { send: () => streams.send(), close: () => undefined },
  };
  const loads = Object.entries(senders).map(([kind, sender]) => [kind, startLoad({ sender, rate })] as const);
  return {
    async stop() {
      const byKind = Object.fromEntries(await Promise.all(loads.map(async ([kind, load]) => [kind, await load.stop()] as const)));
      const counts = await streams.finish();
      streams.close();
      const failed = Object.entries(byKind).filter(([, { failed }]) => failed > 0);
      return { byKind, streams: counts, failures: Object.fromEntries(failed.map(([kind, report]) => [kind, report.failuresByReason])) };
    },
  };
}
