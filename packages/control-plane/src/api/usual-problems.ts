/** The problems that routes have in common, as the documentation lists them. */
import type { Route } from "./route.js";

/** All problems of a route: in words, by status. */
export function problemsOf({ right, params, query, body, problems = {} }: Route): Readonly<Record<number, string>> {
  return {
    ...(params || query || body ? inputProblems : none),
    401: "The connection shows a certificate that proves nothing, or the route needs a token that Consul knows.",
    ...(right.kind === "open" ? none : guardProblems),
    ...(body ? bodyProblems : none),
    ...(query ? queryProblems : none),
    429: "Too many requests of one client; `Retry-After` says when to come again.",
    500: "The control plane failed to answer; its log says why.",
    503: "Not now: `detail` says what is waited for.",
    ...problems,
  };
}

type Problems = Readonly<Record<number, string>>;
const none: Problems = {};
const inputProblems: Problems = { 400: "What was sent cannot be read; `detail` names the place and the fix." };
const guardProblems: Problems = { 403: "The token lacks rights; `missing` holds them as ACL rules." };
const queryProblems: Problems = { 431: "The path and the headers are larger than 16 KiB together." };
const bodyProblems: Problems = { 413: "The body is too large.", 415: "The body is no `application/json`." };
