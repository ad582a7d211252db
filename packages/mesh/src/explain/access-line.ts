/** A line of Envoy's access log, read: our own JSON, JSON by other names, and Envoy's default text with what others put into it. */
import type { AccessLine } from "@legation/contract/api";
import { flagsIn } from "./response-flags.js";

/** Names under which a value may stand, ours first. */
const names = {
  flags: ["flags", "response_flags", "responseFlags"],
  status: ["status", "response_code", "responseCode"],
  method: ["method", ":method", "request_method"],
  host: ["host", "authority", ":authority", "request_host"],
  path: ["path", ":path", "x-envoy-original-path", "request_path"],
  upstream: ["upstream", "upstream_host", "upstreamHost"],
  cluster: ["upstreamCluster", "upstream_cluster", "cluster"],
  route: ["route", "route_name", "routeName"],
  details: ["details", "response_code_details", "responseCodeDetails", "termination", "connection_termination_details"],
  requestId: ["requestId", "request_id", "x_request_id", "x-request-id"],
  time: ["time", "start_time", "startTime", "timestamp"],
} as const satisfies Record<keyof AccessLine, readonly string[]>;

/** Reads it; undefined for a text in which nothing of an access log is found. */
export function readAccessLine(text: string): AccessLine | undefined {
  const line = text.trim();
  const found = line.startsWith("{") ? fromJson(line) : fromText(line);
  return found && (found.flags.length > 0 || found.status !== undefined || found.upstream !== undefined) ? found : undefined;
}

function fromJson(line: string): AccessLine | undefined {
  let read: Record<string, unknown>;
  try {
    read = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const of = (field: keyof typeof names): string | undefined => {
    const key = names[field].find((name) => !isEmpty(read[name]));
    return key === undefined ? undefined : String(read[key]);
  };
  const { flags, status, ...texts } = Object.fromEntries(Object.keys(names).map((field) => [field, of(field as keyof typeof names)]));
  return lineOf({ ...texts, flags: flagsIn(flags ?? "") ?? [], status: Number(status) });
}

const requestLine = /"([A-Z][A-Z-]*) (\S+) HTTP\/[0-9.]+"/;
const identifier = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const address = /^(?:\[[0-9a-fA-F:.]+\]|[0-9a-zA-Z_.-]+):\d{1,5}$/;

/** `[time] "GET /x HTTP/1.1" 503 UF … "request id" "authority" "upstream"`, with anything between. */
function fromText(line: string): AccessLine | undefined {
  const [, time] = /^\[([^\]]+)\]/.exec(line) ?? [];
  const request = requestLine.exec(line);
  const behind = (request ? line.slice(request.index + request[0].length) : line.replace(/^\[[^\]]+\]/, "")).trimStart();
  const [, status, flags = ""] = /^"?-?"?\s*(\d{1,3})\s+(\S+)/.exec(behind) ?? [];
  if (status === undefined) return undefined;
  const quoted = [...behind.matchAll(/"([^"]*)"/g)].map(([, word = ""]) => word);
  const at = quoted.findIndex((word) => identifier.test(word));
  const [host, upstream] =
    at >= 0 ? [quoted[at + 1], quoted[at + 2]] : [undefined, [...quoted].reverse().find((word) => address.test(word))];
  const tail = upstream === undefined ? "" : behind.slice(behind.lastIndexOf(`"${upstream}"`) + upstream.length + 2);
  const details = /^\s*\d+\s+\S+\s+([a-z_]+(?:\{[^}]*\}|\[[^\]]*\])?)\s/.exec(behind)?.[1];
  return lineOf({
    flags: flagsIn(flags) ?? [],
    status: Number(status),
    ...{ method: request?.[1], path: request?.[2], host, upstream, details, time },
    requestId: quoted[at],
    cluster: /^\s+([^\s"]+)/.exec(tail)?.[1],
  });
}

function lineOf({
  flags,
  status,
  ...texts
}: { readonly flags: readonly string[]; readonly status: number } & { readonly [field: string]: unknown }): AccessLine {
  const said = Object.entries(texts).filter(([, value]) => !isEmpty(value));
  return { flags, ...(status > 0 ? { status } : {}), ...Object.fromEntries(said) };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || value === "-";
}
