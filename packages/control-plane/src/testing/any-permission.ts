/** Permissions of intentions, and requests that come close to them. */
import type { IntentionPermissionRow } from "@legation/consul";
import type { CallRequest } from "@legation/mesh";
import fc from "fast-check";

const word = fc.constantFrom("/", "/a", "/a/b", "/admin");
const path = fc.oneof(
  fc.record({ PathExact: word }),
  fc.record({ PathPrefix: word }),
  fc.record({ PathRegex: fc.constantFrom("/a.*", "/[a-z]+", ".*b", "/(a|admin)/?.*", "/\\w+\\?x") }),
  fc.constant({}),
);
const value = fc.constantFrom("boss", "Boss", "bo", "s");
const compared = fc.oneof(
  ...["Exact", "Prefix", "Suffix"].map((kind) => value.map((text) => ({ [kind]: text }))),
  fc.constant({ Regex: "b.*" }),
  fc.constant({ Present: true }),
);
const header = fc.record({ match: compared, Invert: fc.boolean() }).map(({ match, Invert }) => ({ Name: "x-role", ...match, Invert }));
const http = fc
  .record({ path, Header: fc.array(header, { maxLength: 2 }), Methods: fc.subarray(["GET", "POST"]) })
  .map(({ path: own, Header, Methods }) => ({ ...own, Header, Methods }))
  .filter((each) => Object.keys(each).length > 2 || each.Header.length > 0 || each.Methods.length > 0);
/** A permission as Consul takes it. */
export const anyPermission: fc.Arbitrary<IntentionPermissionRow> = fc.record({ Action: fc.constantFrom("allow", "deny"), HTTP: http });
/** A request that may be what it speaks of. */
export const anyRequest: fc.Arbitrary<CallRequest> = fc.record({
  path: fc.constantFrom("/", "/a", "/a?x=/admin", "/a/b", "/b", "/admin/b", "/x?b", "/A"),
  method: fc.constantFrom("GET", "POST", "PUT"),
  headers: fc.oneof(
    fc.constant({}),
    fc.constantFrom("boss", "Boss", "bos", "", "b").map((role) => ({ "x-role": role })),
  ),
});
