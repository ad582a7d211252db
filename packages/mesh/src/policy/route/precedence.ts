/** Which of several rules that match a request holds. */
import { compareText } from "../../catalog/instance.js";
import type { PathMatch } from "./path-match.js";
import type { RouteRule } from "./rule.js";
import type { RuleMatch } from "./rule-match.js";
import { templateWords } from "./uri-template.js";

/**
 * Sorts before what it holds against, in negative numbers. Of all rules for a service, whichever documents they are in, the first one that
 * matches holds:
 * 1. by path: exact before template before regex before prefix; of templates that with more words, then with more segments; of
 *    expressions and prefixes the longer one; one that ignores case behind one that does not;
 * 2. for gRPC calls alone before one for some methods before one for all;
 * 3. more headers before fewer, then more parameters of the query;
 * 4. by the name of the document, then by the place in it.
 */
export function byPrecedence(a: RouteRule, b: RouteRule): number {
  const [one, other] = [rank(a.match), rank(b.match)];
  const i = one.findIndex((figure, at) => figure !== other[at]);
  return i >= 0 ? (one[i] ?? 0) - (other[i] ?? 0) : compareText(a.document, b.document) || a.index - b.index;
}

function rank({ path, grpc, methods, headers, query }: RuleMatch): readonly number[] {
  const kind = grpc ? 0 : methods.length > 0 ? 1 : 2;
  return [...pathRank(path), path.ignoreCase ? 1 : 0, kind, -headers.length, -query.length];
}

function pathRank({ kind, value }: PathMatch): readonly number[] {
  switch (kind) {
    case "exact":
      return [0, 0, 0];
    case "template":
      return [1, -templateWords(value).words, -templateWords(value).segments];
    case "regex":
      return [2, -value.length, 0];
    case "prefix":
      return [3, -value.length, 0];
  }
}
