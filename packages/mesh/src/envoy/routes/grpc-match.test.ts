import { describe, expect, it } from "vitest";
import { matchField, ruleMatch } from "../../policy/route/rule-match.js";
import { grpcMatch } from "./grpc-match.js";

type Written = Parameters<typeof matchField.parse>[0];
const match = (written: Written) => grpcMatch(ruleMatch(matchField.parse(written)));

describe("a rule for a gRPC client", () => {
  it.each<[Written, unknown]>([
    [{}, { case: "prefix", value: "" }],
    [{ path: { prefix: "/shop.Orders" } }, { case: "prefix", value: "/shop.Orders/" }],
    [{ path: { prefix: "/shop.Orders/Place" } }, { case: "path", value: "/shop.Orders/Place" }],
    [{ path: { exact: "/shop.Orders/Place" } }, { case: "path", value: "/shop.Orders/Place" }],
    [{ grpc: { service: "shop.Orders" } }, { case: "prefix", value: "/shop.Orders/" }],
    [
      { grpc: { service: "shop.Orders", method: "Place" }, methods: undefined },
      { case: "path", value: "/shop.Orders/Place" },
    ],
    [{ path: { regex: "/a/b|/c/d" } }, { case: "safeRegex", value: { regex: "(?:/a/b|/c/d)" } }],
    [{ path: { template: "/{service}/Get.v1" } }, { case: "safeRegex", value: { regex: "(?:/[^/]+/Get\\.v1)" } }],
    [{ path: { template: "/shop/**" } }, { case: "safeRegex", value: { regex: "(?:/shop/.*)" } }],
    [{ methods: ["GET", "POST"] }, { case: "prefix", value: "" }],
  ])("with %j matches by path", (written, specifier) => expect(match(written)?.pathSpecifier).toMatchObject(specifier as object));

  it.each<[Written]>([
    [{ query: { a: { exact: "1" } } }],
    [{ methods: ["GET"] }],
    [{ path: { prefix: "/a/b/c" } }],
    [{ headers: { "x!": { present: true } } }],
  ])("with %j is for other requests", (written) => expect(match(written)).toBeUndefined());

  it("keeps its headers, an expression in a group, and leaves out that no call has what none can have", () => {
    const headers = { "X-Beta": { regex: "a|b" }, "x!": { absent: true }, "x-old": { absent: true } } as const;
    expect(match({ headers })?.headers).toMatchObject([
      { name: "x-beta", headerMatchSpecifier: { value: { matchPattern: { value: { regex: "(?:a|b)" } } } } },
      { name: "x-old", invertMatch: true },
    ]);
  });
});
