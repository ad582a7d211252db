/** `legation explain`: where a request goes, who may answer and why others do not; what response flags and lines of access logs mean here. */
import type { Explanation, FlagExplanation } from "@legation/contract/api";
import { LegationError, option } from "@legation/runtime/command-line";
import { showFlags } from "../explain/flags.js";
import { showExplanation } from "../explain/request.js";
import { listing } from "../listing.js";

const settings = {
  from: option.string({
    description: "Who asks: a service, or one of its instances as <Consul node>/<service id>",
    unit: "service",
    flag: "--from",
  }),
  header: option.texts({
    description: "Header of the request, name:value. Repeat it for more. -H is the same",
    default: [],
    unit: "header",
    flag: "--header",
  }),
  log: option.string({ description: "A line of Envoy's access log, as JSON or in its default format", unit: "line", flag: "--log" }),
};

/** A flag, `UF` or `UF,URX`, or a long name such as `NoHealthyUpstream`: addresses have a dot, a slash, or small letters alone. */
const flagWord = /^(?:[A-Z]{2,5}(?:,[A-Z]{2,5})*|[A-Z][a-z]+(?:[A-Z][a-z]+)+)$/;

function path(
  values: { readonly from?: string | undefined; readonly header: readonly string[]; readonly log?: string | undefined },
  words: readonly string[],
): string {
  const { from, header, log } = values;
  const query = new URLSearchParams(from === undefined ? {} : { from });
  const [first, second] = words;
  if (log !== undefined || (first !== undefined && second === undefined && flagWord.test(first))) {
    if (log !== undefined && first !== undefined)
      throw new LegationError("usage", "--log is the whole question. Take the words beside it out");
    query.set(log === undefined ? "flag" : "log", log ?? first ?? "");
    return `/api/explain/flags?${query}`;
  }
  const url = second ?? first;
  if (url === undefined)
    throw new LegationError("usage", "nothing is asked. Write: legation explain GET http://orders/x --from web, or legation explain UF");
  if (from === undefined) throw new LegationError("usage", `who asks is missing. Write: legation explain ${words.join(" ")} --from web`);
  query.set("url", url);
  if (second !== undefined) query.set("method", first ?? "GET");
  for (const line of header) query.append("header", line);
  return `/api/explain?${query}`;
}

const created = listing<Explanation | FlagExplanation, typeof settings>({
  synopsis: [
    "legation explain [METHOD] URL --from SERVICE [flags]",
    "legation explain FLAG [flags]",
    "legation explain --log LINE [flags]",
  ],
  operands: [
    { name: "METHOD", optional: true },
    { name: "URL", optional: true },
  ],
  description:
    "Walks with a request through the proxy of the service that sends it: listener, virtual host, route, cluster, and each instance with why " +
    "it may answer or not, and says which policy at which place decided each step. With a response flag of Envoy, or a line of an access log, " +
    "it says what that means here and now, and what to do.",
  settings,
  examples: [
    "legation explain GET http://orders/x --from web",
    "legation explain POST http://orders/ --from web -H x-beta:1",
    "legation explain tcp://db --from orders",
    "legation explain UF --from web",
    `legation explain --log '{"flags":"UH","host":"orders"}'`,
  ],
  seeAlso: ["legation services", "legation intentions check", "legation proxies"],
  path,
  show: (body, screen) => ("outcomes" in body ? showExplanation(body, screen) : showFlags(body, screen)),
});

/** See `created`. */
export const { page } = created;

/** Runs the command; `-H` stands for `--header`, as in curl. */
export const run: typeof created.run = (argv, io) =>
  created.run(
    argv.map((word) => (word === "-H" ? "--header" : word)),
    io,
  );
