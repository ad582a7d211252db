/** The HTTP request by which one control plane asks another: by TLS where both have a certificate, and then only a control plane is told. */
import { request as requestPlainly } from "node:http";
import { type RequestOptions, request as requestSecurely } from "node:https";
import { spiffeId } from "@legation/contract";
import { codeOf, LegationError, messageOf, mustHaveUri } from "@legation/runtime";
import { superseded } from "../channel/fan-out.js";
import type { OwnCertificate } from "../security/own-leaf.js";
import { hostOf, isLoopbackAddress } from "../security/peer.js";
import type { Replica } from "./directory.js";

/**
 * POSTs JSON to another control plane and resolves to the decoded answer. Rejects with an Error that says in a few words why there is none,
 * with code `superseded` where a later notice of the other direction came to that one.
 */
export type AskReplica = (to: Replica, path: string, body: unknown, limitMs: number, signal: AbortSignal) => Promise<unknown>;

/** More than any answer has; bytes. */
const longestAnswer = 16 * 1024 * 1024;

/**
 * Makes the function; `certificate` is this replica's own, and `token` its ACL token, which stands in for it in plain text: where this replica
 * has a certificate, on this machine alone, since the other one will have one too. The other side is given the limit for the whole answer.
 */
export function createAskReplica(certificate: () => OwnCertificate | undefined, token: () => Promise<string | undefined>): AskReplica {
  return async ({ address, tls }, path, body, limitMs, signal) => {
    const mine = certificate();
    const own = tls ? mine : undefined;
    const url = `${own ? "https" : "http"}://${address}${path}`;
    // AbortSignal.any would leave something at a signal that lives for days, with each question.
    const over = new AbortController();
    const unwanted = (): void => over.abort(signal.reason);
    if (signal.aborted) unwanted();
    signal.addEventListener("abort", unwanted, { once: true });
    const late = setTimeout(() => over.abort(new Error("late")), Math.ceil(limitMs));
    let answer: { readonly status: number; readonly text: string };
    try {
      const proof = own ? tlsOptions(own) : { headers: mine && !isLoopbackAddress(hostOf(address)) ? {} : tokenHeaders(await token()) };
      answer = await post(url, JSON.stringify(body), proof, over.signal);
    } catch (error) {
      signal.throwIfAborted();
      if (over.signal.aborted) throw new Error(`did not answer within ${Math.round(limitMs)} ms`, { cause: error });
      throw new Error(codeOf(error) === "ECONNREFUSED" ? "refused the connection" : messageOf(error), { cause: error });
    } finally {
      clearTimeout(late);
      signal.removeEventListener("abort", unwanted);
    }
    const { status, text } = answer;
    if (status === 409) throw new LegationError(superseded, `answered 409: ${text.slice(0, 200)}`);
    if (status < 200 || status > 299) throw new Error(`answered ${status}: ${text.slice(0, 200)}`);
    return JSON.parse(text) as unknown;
  };
}

function tlsOptions({ tls, identity }: OwnCertificate): RequestOptions {
  return { ...tls, minVersion: "TLSv1.2", checkServerIdentity: mustHaveUri(spiffeId(identity), "a control plane's") };
}

function tokenHeaders(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { "x-consul-token": token };
}

function post(url: string, body: string, proof: RequestOptions, signal: AbortSignal): Promise<{ status: number; text: string }> {
  const headers = { ...proof.headers, "content-type": "application/json", "content-length": String(Buffer.byteLength(body)) };
  const ask = url.startsWith("https:") ? requestSecurely : requestPlainly;
  return new Promise((resolve, reject) => {
    const request = ask(url, { ...proof, method: "POST", headers, signal, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length > longestAnswer) request.destroy(new Error("sent an answer without an end"));
      });
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    request.once("error", reject);
    request.end(body);
  });
}
