/** The HTTP API of a control plane, as the commands ask it. */
import { readFileSync } from "node:fs";
import { type ConfigValues, codeOf, LegationError, messageOf, option } from "@legation/runtime/command-line";
import { type HttpAnswer, httpRequest } from "./http-request.js";
import { prepareWidths } from "./text-width.js";

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
  token: option.string({
    description: "Consul ACL token, where Consul uses ACLs",
    env: ["LEGATION_TOKEN", "CONSUL_HTTP_TOKEN"],
    secret: true,
  }),
  tokenFile: option.string({
    description: "File with the Consul ACL token to ask with, where Consul uses ACLs; stands above the token itself",
    unit: "file",
    env: ["LEGATION_TOKEN_FILE", "CONSUL_HTTP_TOKEN_FILE"],
    flag: "--token-file",
  }),
  caFile: option.string({
    description: "PEM file of the CA that signed the control plane's certificate, for an https URL: the roots of Consul's CA",
    unit: "file",
    env: "LEGATION_CA_FILE",
    flag: "--ca-file",
  }),
  json: option.boolean({ description: "Print JSON for programs instead of a table", default: false, flag: "--json" }),
};

/** Where the control planes are, and who asks. */
export type ApiSettings = Pick<ConfigValues<typeof apiOptions>, "api" | "token" | "tokenFile" | "caFile">;

/** A question. */
export interface Question {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  /** Below the API's address, with its query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** How long one control plane may take; milliseconds. 10,000 unless given. */
  readonly limitMs?: number;
  /** Whether it may be asked again at another control plane after one that took it did not answer: so it is of GET alone unless given. */
  readonly repeatable?: boolean;
}

function problemOf(url: string): string | undefined {
  return baseUrl(url) ? undefined : "is not a URL. Write http://host:port";
}

/** `host:port` or a URL as a base to put a path behind; undefined for anything else. */
function baseUrl(text: string): string | undefined {
  const url = /^https?:\/\//.test(text) ? text : `http://${text}`;
  return URL.canParse(url) && new URL(url).hostname !== "" ? url.replace(/\/+$/, "") : undefined;
}

/**
 * Asks the first control plane that answers and can decide. Throws a LegationError: `api.unreachable` when none does, `api.denied` for a
 * token that is missing, unknown or lacks a rule, `api.unanswered` when a control plane took what is not repeatable and did not answer, `api.busy` for too many requests, `api.refused` and, of a status from 500, `api.failed` with what the control plane
 * said and its code,
 * `api.bad-answer` when the answer is not JSON, `config` when a file cannot be read.
 */
export async function ask<T>(settings: ApiSettings, question: Question): Promise<T> {
  const { method = "GET", path, body, limitMs = answerLimit, repeatable = method === "GET" } = question;
  const token = settings.tokenFile ? fileOf(settings.tokenFile, "--token-file").trim() : settings.token;
  const ca = settings.caFile === undefined ? undefined : fileOf(settings.caFile, "--ca-file");
  const failures: string[] = [];
  for (const url of settings.api) {
    const base = baseUrl(url) ?? url;
    let answer: HttpAnswer;
    let sent = false;
    try {
      answer = await httpRequest(base + path, {
        method,
        limitMs,
        onSent: () => {
          sent = true;
        },
        ...(token ? { token } : {}),
        ...(ca === undefined ? {} : { ca }),
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      const why = reason(error, limitMs);
      if (sent && !repeatable)
        throw new LegationError(
          "api.unanswered",
          `${base} took the request and did not say what became of it (${why}). It may be done, or under way: look before you repeat it`,
          { cause: error },
        );
      failures.push(`${base} (${why})`);
      continue;
    }
    const { code, detail } = problemIn(answer);
    if (code !== "access.undecided") {
      await prepareWidths(answer.text);
      return read<T>(answer, base + path);
    }
    failures.push(`${base} (${detail})`);
  }
  const where = failures.join(", ");
  const fix = 'Start one with "legation control-plane", or name another with --api or LEGATION_API';
  throw new LegationError("api.unreachable", `no control plane answers at ${where}. ${fix}`);
}

function read<T>(answer: HttpAnswer, url: string): T {
  const { status, text, retryAfter } = answer;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    const what = `${url} answered ${status} without JSON`;
    throw new LegationError("api.bad-answer", `${what}. Is this a control plane's HTTP API? Its default port is 8080`, { cause: error });
  }
  if (status >= 200 && status < 300) return body as T;
  const { code, detail } = problemIn(answer);
  if (status === 401 || status === 403) throw new LegationError("api.denied", `${url}: ${detail}`);
  if (status === 429)
    throw new LegationError("api.busy", `${url}: ${detail || `too many requests: come again in ${retryAfter ?? "a few"} s`}`);
  const said = `${url} answered ${status}: ${detail}${code === "" ? "" : ` (${code})`}`;
  throw new LegationError(status >= 500 ? "api.failed" : "api.refused", said);
}

/** What a problem says; the whole text where the answer is none. */
function problemIn({ text }: HttpAnswer): { readonly code: string; readonly detail: string } {
  try {
    const body = JSON.parse(text) as { readonly code?: unknown; readonly detail?: unknown };
    return { code: String(body.code ?? ""), detail: String(body.detail ?? text.slice(0, 200)) };
  } catch {
    return { code: "", detail: text.slice(0, 200) };
  }
}

function fileOf(path: string, flag: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new LegationError("config", `${flag} ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function reason(error: unknown, limitMs: number): string {
  if (error instanceof Error && error.name === "TimeoutError") return `no answer within ${limitMs / 1_000} s`;
  const code = codeOf(error) ?? "";
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused",
    ENOTFOUND: "no such host",
    ECONNRESET: "connection closed",
  };
  if (/CERT|SIGNATURE|ISSUER/.test(code))
    return `its certificate is signed by none that is trusted here (${code}). Give Consul's roots with --ca-file: curl $CONSUL_HTTP_ADDR/v1/connect/ca/roots?pem=true`;
  return known[code] ?? messageOf(error);
}
