/** The HTTP API of a control plane, as the commands ask it. */
import { codeOf, LegationError, messageOf, option } from "@legation/runtime";

/** How long one control plane may take to answer, in milliseconds. */
const answerLimit = 10_000;

/** The settings of every command that asks a control plane. */
export const apiOptions = {
  api: option.list({
    description: "The control plane's HTTP API. Several are tried in turn; the first that answers counts",
    default: ["http://127.0.0.1:8080"],
    unit: "url",
    env: "LEGATION_API",
    flag: "--api",
    check: (urls) => urls.map(problemOf).find((problem) => problem !== undefined),
  }),
  json: option.boolean({ description: "Print JSON for programs instead of a table", default: false, flag: "--json" }),
};

function problemOf(url: string): string | undefined {
  return baseUrl(url) ? undefined : "is not a URL. Write http://host:port";
}

/** `host:port` or a URL as a base to put a path behind; undefined for anything else. */
function baseUrl(text: string): string | undefined {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`;
  return URL.canParse(url) && new URL(url).hostname !== "" ? url.replace(/\/+$/, "") : undefined;
}

/**
 * GETs `path` from the first control plane that answers. Throws a LegationError: `api.unreachable` when none does, `api.refused` with what
 * the control plane said, `api.bad-answer` when the answer is not JSON.
 */
export async function ask<T>(urls: readonly string[], path: string, fetch: typeof globalThis.fetch = globalThis.fetch): Promise<T> {
  const failures: string[] = [];
  for (const url of urls) {
    const base = baseUrl(url) ?? url;
    let response: Response;
    let text: string;
    try {
      response = await fetch(base + path, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(answerLimit) });
      text = await response.text();
    } catch (error) {
      failures.push(`${base} (${reason(error)})`);
      continue;
    }
    return read<T>(text, response, base + path);
  }
  const where = failures.join(", ");
  const fix = 'Start one with "legation control-plane", or name another with --api or LEGATION_API';
  throw new LegationError("api.unreachable", `no control plane answers at ${where}. ${fix}`);
}

function read<T>(text: string, response: Response, url: string): T {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    const what = `${url} answered ${response.status} without JSON`;
    throw new LegationError("api.bad-answer", `${what}. Is this a control plane's HTTP API? Its default port is 8080`, { cause: error });
  }
  if (response.ok) return body as T;
  const detail = typeof body === "object" && body !== null && "detail" in body ? String(body.detail) : text.slice(0, 200);
  throw new LegationError("api.refused", `${url} answered ${response.status}: ${detail}`);
}

function reason(error: unknown): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${answerLimit / 1_000} s`;
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused",
    ENOTFOUND: "no such host",
    ECONNRESET: "connection closed",
  };
  return known[codeOf(cause) ?? ""] ?? messageOf(cause);
}
