/** The HTTP request by which one control plane asks another. */
import type { RoutingReply } from "@legation/contract";
import { codeOf, LegationError, messageOf } from "@legation/runtime";
import { type AskReplica, superseded } from "./fan-out.js";

/** Over `fetch`; the other side is given `limitMs` for the whole answer. */
export const askReplica: AskReplica = async (address, path, body, limitMs, signal) => {
  const limit = AbortSignal.timeout(Math.ceil(limitMs));
  let response: Response;
  let text: string;
  try {
    response = await fetch(`http://${address}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, limit]),
    });
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    if (limit.aborted) throw new Error(`did not answer within ${Math.round(limitMs)} ms`, { cause: error });
    throw new Error(why(error), { cause: error });
  }
  if (response.status === 409) throw new LegationError(superseded, `answered 409: ${text.slice(0, 200)}`);
  if (!response.ok) throw new Error(`answered ${response.status}: ${text.slice(0, 200)}`);
  return JSON.parse(text) as RoutingReply;
};

function why(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (codeOf(cause) === "ECONNREFUSED") return "refused the connection";
  return messageOf(cause ?? error);
}
