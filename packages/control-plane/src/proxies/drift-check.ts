/** Whether an Envoy holds what it was sent: its agent is asked for the config dump, and what differs at two looks is drift. */
import { type ConfigType, configTypes, type EnvoyConfig, splitInstanceKey } from "@legation/contract";
import { type DriftReport, type DriftView, driftsShown } from "@legation/contract/api";
import { type Clock, codeOf, messageOf } from "@legation/runtime";
import type { Commander } from "../channel/commander.js";
import { type Comparison, compareConfig, lasting, type SentConfig } from "./drift.js";
import type { LocatedStream, Proxies } from "./proxies.js";

/** How long an agent may take to ask its Envoy for all parts of the dump; milliseconds. */
export const driftLimit = 15_000;

/** Between two looks, where the first one found something; milliseconds. */
export const secondLook = 700;

/** What is asked. */
export interface DriftParts {
  readonly proxies: Pick<Proxies, "one">;
  readonly commander: Pick<Commander, "command">;
  readonly clock: Clock;
}

/** Compares one proxy; null for a node that nobody knows. Rejects only with the signal's reason. */
export type CheckDrift = (node: string, signal: AbortSignal) => Promise<DriftReport | null>;

interface Look extends Comparison {
  readonly stream: LocatedStream;
}

/** Makes the function. */
export function createDriftCheck({ proxies, commander, clock }: DriftParts): CheckDrift {
  async function configOf(node: string, service: string, signal: AbortSignal): Promise<EnvoyConfig | string> {
    const instance = splitInstanceKey(node);
    if (!instance) return "its name is not <Consul node>/<service id>, and so no agent can be asked";
    try {
      const { ok, message, body } = await commander.command({ ...instance, service }, { kind: "envoy-config" }, driftLimit, signal);
      if (!ok) return message;
      return isConfig(body) ? body : "its agent answers what this version does not understand";
    } catch (error) {
      signal.throwIfAborted();
      return codeOf(error) === "agent.timeout" ? `its agent did not answer within ${driftLimit / 1_000} s` : messageOf(error);
    }
  }

  return async (node, signal) => {
    let before: Look | undefined;
    for (;;) {
      const { proxy, streams, silent } = await proxies.one(node);
      if (!proxy) return null;
      const all = streams.get(node) ?? [];
      const found = { ...blank(node, proxy.service), streams: all.length, silent: [...silent] };
      if (proxy.kind === "grpc")
        return { ...found, reason: "a gRPC application has no config dump: what it acknowledged is all that is known" };
      if (all.length === 0) return { ...found, reason: proxy.reason };
      const config = await configOf(node, proxy.service ?? "", signal);
      if (typeof config === "string") return { ...found, reason: config };
      const look = bestLook(all, config);
      if (!look) return { ...found, reason: "no control plane tells what it was sent" };
      const differences = before ? lasting(before.differences, look.differences) : look.differences;
      if (differences.length === 0 || before) return { ...found, ...judged(look, differences, config) };
      before = look;
      await clock.sleep(secondLook, signal);
    }
  };
}

/** Which stream is the asked Envoy's cannot be told, while two of one name are connected: it is the one that fits best, the newest of these. */
function bestLook(streams: readonly LocatedStream[], config: EnvoyConfig): Look | undefined {
  const looks = streams.flatMap((stream): Look[] => {
    const sent = sentConfigOf(stream);
    return sent ? [{ ...compareConfig(sent, config), stream }] : [];
  });
  const fewest = Math.min(...looks.map(({ differences }) => differences.length));
  return looks.find(({ differences }) => differences.length === fewest);
}

function sentConfigOf({ row, detail }: LocatedStream): SentConfig | undefined {
  if (!detail) return undefined;
  const types = detail.versions.flatMap(({ type, typeUrl, sent, acknowledged }) => {
    if (!isConfigType(type)) return [];
    const shown = row.types.find((one) => one.typeUrl === typeUrl);
    const rejected = shown?.rejected.map(({ name }) => name) ?? [];
    return [{ type, sent, acknowledged, rejected, outstanding: shown?.outstandingSince !== null, marks: detail.marks }];
  });
  return { versioned: row.variant === "delta", types };
}

function judged(
  { stream, compared, pending }: Look,
  differences: readonly DriftView[],
  config: EnvoyConfig,
): Omit<DriftReport, "node" | "service" | "streams" | "silent"> {
  const shown = differences.slice(0, driftsShown);
  const waiting = pending > 0 ? `; ${pending} more are on their way` : "";
  const cut = config.leftOut > 0 ? `; Envoy has ${config.leftOut} resources more than are told, so that none is called missing` : "";
  const [first] = shown;
  const what = first
    ? `${differences.length} of ${compared} resources differ: ${first.text}${differences.length > 1 ? ", …" : ""}`
    : `Envoy holds the ${compared - pending} resources that it was sent`;
  return {
    state: first ? "drift" : "none",
    reason: `${what}${waiting}${cut}`,
    envoy: config.envoy === "" ? null : config.envoy,
    replica: stream.replica,
    stream: stream.row.stream,
    compared,
    pending,
    differences: shown,
    leftOut: differences.length - shown.length,
    draining: config.held.listener.flatMap(({ name, state }) => (state === "draining" ? [name] : [])),
  };
}

function blank(node: string, service: string | null): DriftReport {
  return {
    ...{ node, service, state: "unknown", reason: "", envoy: null, replica: null, stream: null, streams: 0 },
    ...{ compared: 0, pending: 0, differences: [], leftOut: 0, draining: [], silent: [] },
  };
}

function isConfigType(word: string): word is ConfigType {
  return (configTypes as readonly string[]).includes(word);
}

function isConfig(body: unknown): body is EnvoyConfig {
  const { held, leftOut } = (body ?? {}) as Partial<EnvoyConfig>;
  return typeof leftOut === "number" && configTypes.every((type) => Array.isArray(held?.[type]));
}
