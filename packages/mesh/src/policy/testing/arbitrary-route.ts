/** Random `Route` documents for tests: each right by itself. */
import fc from "fast-check";
import { isBodiless } from "../route/answer.js";
import { grpcCodes } from "../route/fault.js";
import type { RouteDocument } from "../route/route-document.js";
import { anyRequest, ruleMatch } from "../route/rule-match.js";
import { templateVariables } from "../route/uri-template.js";
import { idempotentMethods } from "../traffic/hedging/hedging.js";

const letters = (most: number) => fc.string({ unit: fc.constantFrom(..."abcdefgh"), minLength: 1, maxLength: most });
const word = letters(4);
const header = fc.constantFrom("x-a", "X-B", "x-c", "user-agent", "x-d");
const pattern = fc.constantFrom("/a.*", "[a-z]+", "(?i)/B(c|d)?", "/users/[0-9]{1,5}", ".+");
const odd = fc.constantFrom("a%20b", "a\\b", '"', "[x]", "{y}", "a.b", "*", "**", "~!$&'()*+,;=:@", "<|^`>", "\\1");
const segments = fc.array(fc.oneof({ weight: 4, arbitrary: word }, odd), { minLength: 1, maxLength: 3 }).map((all) => `/${all.join("/")}`);
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
/** Without the fields that are undefined: documents hold what was written. */
const written = <T extends object>(fields: T): T =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;

const template = fc
  .tuple(
    fc.uniqueArray(fc.constantFrom("{id}", "{name=*}", "*", "users", "a.b", "v1", "~!$&'()+,;:@=-_%20"), { minLength: 1, maxLength: 4 }),
    fc.constantFrom("", "/**", "/{rest=**}"),
  )
  .map(([all, end]) => `/${all.join("/")}${end}`);

const path = fc.oneof(
  segments.map((exact) => ({ exact })),
  segments.map((exact) => ({ exact, ignoreCase: true })),
  fc.tuple(segments, fc.constantFrom("", "/")).map(([prefix, end]) => ({ prefix: `${prefix}${end}` })),
  fc.constant({ prefix: "/" }),
  template.map((one) => ({ template: one })),
  pattern.map((regex) => ({ regex })),
);

const text = fc.oneof(
  fc
    .tuple(fc.constantFrom("exact", "prefix", "contains"), word, fc.boolean())
    .map(([kind, value, ignoreCase]) => ({ [kind]: value, ignoreCase })),
  pattern.map((regex) => ({ regex })),
  fc.constant({ present: true as const }),
);
const headerValue = fc.oneof(
  fc.tuple(text, optional(fc.boolean())).map(([value, invert]) => written({ ...value, invert })),
  fc.constant({ absent: true as const }),
  word.map((suffix) => ({ suffix })),
  fc.tuple(fc.integer({ min: -9, max: 9 }), fc.nat(9)).map(([from, more]) => ({ range: { from, to: from + more } })),
);

const conditions = {
  headers: optional(fc.dictionary(header, headerValue, { maxKeys: 3 })),
  query: optional(fc.dictionary(word, text, { maxKeys: 2 })),
};
const match = fc.oneof(
  fc.record({
    path: optional(path),
    methods: optional(fc.uniqueArray(fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE"), { minLength: 1 })),
    ...conditions,
  }),
  fc.record({
    grpc: fc.oneof(
      fc.constant({}),
      word.map((service) => ({ service })),
      fc.tuple(word, word).map(([service, method]) => ({ service, method })),
    ),
    ...conditions,
  }),
);

/** Where requests go: to each service and subset once, with a weight for each or for none. */
const place = fc.record({ service: word, subset: optional(word) }).map(written);
const places = fc.uniqueArray(place, { minLength: 1, maxLength: 4, selector: (one) => JSON.stringify(one) });
const to = fc.oneof(
  places,
  places
    .chain((all) => fc.tuple(...all.map((one) => fc.nat(100).map((weight) => ({ ...one, weight })))))
    .filter((all) => all.some(({ weight }) => weight > 0)),
);

const duration = fc.constantFrom("1ms", "250ms", "1.5s", "2m");
const share = fc.constantFrom("0%", "0.0001%", "12.5%", "99.9999%", "100%");
const headers = fc.record({ request: optional(edits()), response: optional(edits()) }).map(written);
const answersHeaders = fc.record({ response: optional(edits()) }).map(written);
const fault = fc
  .record({
    delay: optional(fc.record({ duration, share: optional(share) }).map(written)),
    abort: optional(
      fc
        .tuple(
          fc.oneof(
            fc
              .integer({ min: 200, max: 599 })
              .filter((status) => !isBodiless(status))
              .map((status) => ({ status })),
            fc.constantFrom(...grpcCodes).map((grpc) => ({ grpc })),
          ),
          optional(share),
        )
        .map(([how, part]) => written({ ...how, share: part })),
    ),
    headers: optional(fc.dictionary(header, headerValue, { maxKeys: 2 })),
  })
  .filter(({ delay, abort }) => delay !== undefined || abort !== undefined)
  .map(written);

/** How the requests of a match are sent. Those that are not sent twice by themselves are when `methods` says so. */
function overridesOf({ methods, grpc }: { readonly methods?: readonly string[]; readonly grpc?: object }) {
  const once = grpc !== undefined || (methods !== undefined && !methods.some((method) => idempotentMethods.includes(method)));
  const request = grpc ? fc.constant(undefined) : optional(fc.constantFrom("3s", "0s", "1m"));
  const perTry = once ? fc.constant(undefined) : optional(fc.constant("1s"));
  const repeated = once ? fc.constant("all" as const) : optional(fc.constantFrom("idempotent" as const, "all" as const));
  const on = optional(fc.constant<("reset" | number)[]>(["reset", 503]));
  return {
    timeouts: optional(fc.record({ request, idle: optional(duration), perTry }).map(written)),
    retries: optional(fc.record({ attempts: optional(fc.nat(10)), on, methods: repeated }).map(written)),
  };
}

/** Header edits of one message, each header in one place. */
function edits() {
  const value = fc.constantFrom("", "a", "50%", "%REQ(x)%", "a b\tc");
  return fc
    .record({
      set: optional(fc.dictionary(fc.constantFrom("x-a", "X-B"), value)),
      add: optional(fc.dictionary(fc.constantFrom("x-c", "X-D"), value)),
      remove: optional(fc.uniqueArray(fc.constantFrom("x-e", "Server"))),
    })
    .map(written);
}

/** The rewrites that go with the path of a match. */
function rewriteOf({ path: matched, grpc }: { readonly path?: object; readonly grpc?: object }) {
  const template = matched && "template" in matched ? templateVariables(String(matched.template)) : [];
  return fc.oneof(
    segments.map((value) => ({ path: value })),
    fc.constant({ regex: { pattern: "^/([a-z]+)", substitution: "/x/\\1" } }),
    fc.constant({ host: "other.example.com" }),
    ...(!grpc && (!matched || "prefix" in matched) ? [fc.oneof(segments, fc.constant("/")).map((prefix) => ({ prefix }))] : []),
    ...(matched && "template" in matched ? [fc.constant({ template: `/x${template.map((name) => `/{${name}}`).join("")}` })] : []),
  );
}

const redirect = fc.constantFrom(
  { scheme: "https" as const },
  { host: "example.com", port: 8443, status: 308 as const },
  { path: "/there", stripQuery: true },
  { regex: { pattern: "a", substitution: "b" } },
);
const status = fc.oneof(fc.integer({ min: 200, max: 299 }), fc.integer({ min: 400, max: 599 }));
const respond = fc
  .record({ status, body: optional(fc.string({ maxLength: 40 })) })
  .map((one) => written(isBodiless(one.status) ? { status: one.status } : one));
const mirror = fc.record({ service: word, share: optional(share) }).map(written);

const rule = optional(match.map(written)).chain((matched) =>
  fc
    .oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          to: optional(to),
          rewrite: optional(rewriteOf(matched ?? {})),
          mirror: optional(mirror),
          ...overridesOf(matched ?? {}),
        }),
      },
      fc.record({ redirect }),
      fc.record({ respond }),
    )
    .chain((action) =>
      fc
        .record({ headers: optional("redirect" in action || "respond" in action ? answersHeaders : headers), fault: optional(fault) })
        .map((more) => written({ match: matched, ...action, ...more })),
    ),
);

const matchOf = (one: RouteDocument["rules"][number]) => JSON.stringify(one.match ? ruleMatch(one.match) : anyRequest);

/** One document; two of its rules never have the same match. */
export const anyRoute: fc.Arbitrary<RouteDocument> = fc
  .record({ name: letters(3), service: letters(3), rules: fc.uniqueArray(rule, { minLength: 1, maxLength: 6, selector: matchOf }) })
  .map((rest) => ({ apiVersion: "legation/v1", kind: "Route", ...rest }));
