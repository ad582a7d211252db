/** What control planes ask each other about proxies: the streams that each of them serves. */
import { setImmediate } from "node:timers/promises";
import type { ProxyStream, ProxyVersions } from "@legation/contract/api";
import { type StreamStatus, TypeUrl, type XdsServer } from "@legation/xds";
import { type EndpointAssignment, endpointMarkOf } from "./endpoint-marks.js";
import { type StreamFacts, streamRow, versionsOf } from "./stream-row.js";

/** The path by which they ask. */
export const proxiesPath = "/v1/agents/proxies";

/** Which streams. An empty word is no condition. */
export interface ProxyQuestion {
  readonly node: string;
  readonly service: string;
  /** Only proxies of this kind. */
  readonly kind: "" | "grpc";
  /** With the versions of each resource; asked of one node only, for they are many. */
  readonly versions: boolean;
}

/** One stream, as the control plane that serves it tells of it. */
export interface ToldStream {
  readonly row: ProxyStream;
  readonly detail?: StreamDetail;
}

/** What a stream was sent, resource by resource. */
export interface StreamDetail {
  readonly versions: readonly ProxyVersions[];
  /** Of the endpoints that it was sent, by name: their `endpointMark`. */
  readonly marks: Readonly<Record<string, string>>;
}

/** What is told. */
export interface ProxyAnswer {
  readonly streams: readonly ToldStream[];
}

/** The xDS server, as far as it is asked. */
export type AskedXds = Pick<XdsServer, "status" | "statuses" | "sent">;

/** Other work has its turn after this time; milliseconds. */
const slice = 10;

/** Answers for this control plane's own streams. */
export async function ownStreams(question: ProxyQuestion, xds: AskedXds, facts: StreamFacts): Promise<ProxyAnswer> {
  const { node, service, kind, versions } = question;
  const wanted = (of: ReturnType<StreamFacts["node"]>): boolean =>
    (service === "" || of?.service === service) && (kind === "" || of?.kind === kind);
  const streams: ToldStream[] = [];
  let end = performance.now() + slice;
  for (const status of node === "" ? xds.statuses() : xds.status((one) => one === node)) {
    if (wanted(facts.node(status.stream)))
      streams.push({ row: streamRow(status, facts), ...(versions ? { detail: detailOf(status, xds) } : {}) });
    if (performance.now() < end) continue;
    await setImmediate();
    end = performance.now() + slice;
  }
  return { streams };
}

/** Reads what another control plane answered. Throws when it says something else. */
export function proxyAnswerOf(answer: unknown): ProxyAnswer {
  const { streams } = (answer ?? {}) as Partial<ProxyAnswer>;
  if (!Array.isArray(streams) || !streams.every(isStream)) throw new Error("says of its proxies what this version does not understand");
  return { streams };
}

/** As far as it is looked into here: a replica of another version may lack what is only shown. */
function isStream(one: Partial<ToldStream> | null): one is ToldStream {
  const { node, openedAt, types, problems, quarantined, calls } = (one?.row ?? {}) as Partial<ProxyStream>;
  return (
    [node, openedAt].every((word) => typeof word === "string") &&
    [types, problems, quarantined].every(Array.isArray) &&
    typeof calls === "object" &&
    calls !== null
  );
}

function detailOf(status: StreamStatus, xds: AskedXds): StreamDetail {
  const assignments: readonly EndpointAssignment[] = xds.sent(status.stream, TypeUrl.endpoint);
  return { versions: versionsOf(status), marks: Object.fromEntries(assignments.map((one) => [one.name, endpointMarkOf(one)])) };
}
