/** Requests to try policies with: from flags, from a file, or from the access logs that the proxies write. */

import { readFileSync } from "node:fs";
import { serviceIdentityOf } from "@legation/contract";
import type { SampleRequest } from "@legation/contract/api";
import { ConfigError, messageOf, option } from "@legation/runtime/command-line";

/** The flags. */
export const sampleOptions = {
  request: option.texts({
    description: "A request to try: 'METHOD URL', such as 'GET http://orders/x?q=1'. Repeat it for more",
    unit: "request",
    flag: "--request",
  }),
  requests: option.string({
    description: "A file of such lines, or an access log as the proxies write it (JSON lines); - is the standard input",
    unit: "file",
    flag: "--requests",
  }),
  header: option.texts({ description: "A header of every --request: 'name: value'. Repeat it for more", unit: "header", flag: "-H" }),
  from: option.string({
    description: "The service that sends the requests, where they do not say it. Every one unless given",
    unit: "service",
    flag: "--from",
  }),
};

/** Distinct requests that are tried at most. */
const largestSample = 1_000;

/** The requests of the flags, equal ones once with their number. Throws a ConfigError that says what cannot be read. */
export function readSample(o: {
  readonly request?: readonly string[] | undefined;
  readonly requests?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly from?: string | undefined;
}): readonly SampleRequest[] {
  const headers = Object.fromEntries((o.header ?? []).map(headerOf));
  const given = (o.request ?? []).map((text) => ({ ...requestOf(text, `--request ${text}`), headers }));
  const lines = o.requests === undefined ? [] : linesOf(o.requests).flatMap(([line, where]) => readLine(line, where) ?? []);
  const counted = new Map<string, SampleRequest>();
  for (const read of [...given, ...lines]) {
    const request = o.from === undefined || read.from !== undefined ? read : { ...read, from: o.from };
    const key = JSON.stringify(request);
    counted.set(key, { ...request, count: (counted.get(key)?.count ?? 0) + 1 });
  }
  const sample = [...counted.values()].sort((a, b) => (b.count ?? 0) - (a.count ?? 0));
  return sample.slice(0, largestSample);
}

function linesOf(path: string): readonly (readonly [line: string, where: string])[] {
  let text: string;
  try {
    text = readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new ConfigError([`--requests ${path}: ${messageOf(error)}. Name a file with a request a line`]);
  }
  return text.split("\n").flatMap((line, i) => (/^\s*(#|$)/.test(line) ? [] : [[line.trim(), `${path}:${i + 1}`] as const]));
}

/** Undefined for a line of an access log that is no HTTP request. */
function readLine(line: string, where: string): SampleRequest | undefined {
  return line.startsWith("{") ? loggedRequest(line, where) : requestOf(line, where);
}

function loggedRequest(line: string, where: string): SampleRequest | undefined {
  let entry: Readonly<Record<string, unknown>>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch (error) {
    throw new ConfigError([`${where}: ${messageOf(error)}. Write 'METHOD URL', or a line of an access log as JSON`]);
  }
  const { method, host, path, caller } = entry;
  if (typeof method !== "string" || typeof host !== "string" || typeof path !== "string") return undefined;
  const from = typeof caller === "string" ? serviceIdentityOf(caller)?.service : undefined;
  return { method, host, path, headers: {}, ...(from ? { from } : {}) };
}

function requestOf(text: string, where: string): SampleRequest {
  const [, method = "", address = ""] = /^([A-Z]+)\s+(\S+)$/.exec(text.trim()) ?? [];
  const url = address.includes("://") ? address : `http://${address}`;
  if (method === "" || !URL.canParse(url))
    throw new ConfigError([`${where}: this is no request. Write it as 'GET http://orders/path?query'`]);
  const { host, pathname, search } = new URL(url);
  return { method, host, path: `${pathname}${search}`, headers: {} };
}

function headerOf(text: string): readonly [string, string] {
  const [, name = "", value = ""] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  if (name === "") throw new ConfigError([`-H ${text}: this is no header. Write it as 'name: value'`]);
  return [name.toLowerCase(), value];
}
