/** The policy `Route`: what becomes of some of the requests to a service, decided by its callers' proxies. */
import { z } from "zod";
import { type Conflict, head, policyKind, serviceName } from "../kind.js";
import { sameDestination } from "./destination.js";
import { ruleField } from "./rule.js";
import { anyRequest, ruleMatch } from "./rule-match.js";

const schema = z
  .strictObject({
    ...head("Route"),
    service: serviceName.describe("The service that is called. Every caller's proxy decides by these rules."),
    rules: z
      .array(ruleField)
      .min(1)
      .max(200)
      .describe(
        "Of all rules for the service, in this document or another, the first that matches a request holds. An exact path stands before a template, a template before a regex, a regex before a prefix, the longer prefix before the shorter; then gRPC before methods before neither, more headers before fewer, more query parameters before fewer; at last the document's name and the place in it. A request that no rule matches goes to the service.",
      ),
  })
  .superRefine(({ service, rules }, { addIssue }) => {
    for (const [i, { to = [] }] of rules.entries()) {
      const [first, second] = sameDestination(to, service) ?? [];
      if (second === undefined) continue;
      const message = `goes where entry ${first} goes. Put both into one with the sum of their weights`;
      addIssue({ code: "custom", path: ["rules", i, "to", second], message });
    }
  })
  .describe("What becomes of some of the requests to a service.")
  .readonly();

/** One `Route` document. */
export type RouteDocument = z.output<typeof schema>;

/** The kind `Route`. */
export const routeKind = policyKind({ schema, affects: ({ service }) => [service], conflicts: sameMatches });

/** Rules of which one could never hold, because another for the same service has the same match. */
function sameMatches(documents: readonly RouteDocument[]): readonly Conflict[] {
  const seen = new Map<string, string>();
  return [...documents]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, service, rules }) =>
      rules.flatMap(({ match }, i): Conflict[] => {
        const key = `${service} ${JSON.stringify(match ? ruleMatch(match) : anyRequest)}`;
        const first = seen.get(key);
        if (first === undefined) {
          seen.set(key, `Route/${name} rules[${i}]`);
          return [];
        }
        return [
          {
            name,
            path: ["rules", i, "match"],
            message: `${first} matches exactly the same requests. Put both into one, or make one narrower`,
          },
        ];
      }),
    );
}
