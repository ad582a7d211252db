/** `legation intentions check <from> <to>`: what would become of a call, and why. */
import { option } from "@legation/runtime/command-line";
import { exitCode } from "../exit-code.js";
import { sentence } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";

/** The part of `GET /api/intentions/check` that is shown. */
interface Check {
  readonly from: string;
  readonly to: string;
  readonly verdict: string;
  readonly reason: string;
  readonly authorization: string;
}

const settings = {
  path: option.string({ description: "Path of the request, with or without a query", flag: "--path" }),
  method: option.string({ description: "Method of the request. Default GET, where a path or a header is given", flag: "--method" }),
  header: option.texts({
    description: "Header of the request, name:value. Repeat it for more",
    default: [],
    unit: "header",
    flag: "--header",
  }),
};

/** The answer in sentences. */
export function show({ from, to, verdict, reason, authorization }: Check, screen: Screen): string {
  const done = {
    enforce: `The proxies of ${to} enforce it`,
    shadow: `The proxies of ${to} only count it (authorization: shadow)`,
    off: `The proxies of ${to} do not look at it (authorization: off)`,
  }[authorization];
  const level = verdict === "allow" ? "good" : "bad";
  return sentence(`${from} to ${to}: ${verdict}, because ${reason}. ${done ?? authorization}.`, screen, level);
}

/** Prints the answer to one call; exits with 1 when the call would be denied. */
export const { run, page } = listing<Check, typeof settings>({
  operands: [
    { name: "FROM", values: "service" },
    { name: "TO", values: "service" },
  ],
  description:
    "Says whether a call would be allowed, and by which rule: of a connection, or of a request where a path, method or header is given.",
  exitStatus: { 0: "The call would be allowed.", 1: "It would be denied, or the question failed." },
  settings,
  examples: ["legation intentions check web orders", "legation intentions check web orders --path /admin --method POST"],
  seeAlso: ["legation intentions"],
  path({ path, method, header }, [from = "", to = ""]) {
    const query = new URLSearchParams({ from, to });
    if (path !== undefined) query.set("path", path);
    if (method !== undefined) query.set("method", method);
    for (const line of header) query.append("header", line);
    return `/api/intentions/check?${query}`;
  },
  show,
  code: ({ verdict }) => (verdict === "allow" ? exitCode.done : exitCode.failed),
});
