/** All rules for one service, in the order in which they hold. */
import { documentKey } from "../document.js";
import type { TrafficSettings } from "../traffic/settings.js";
import type { IsDeclared } from "./destination.js";
import { byPrecedence } from "./precedence.js";
import type { RouteDocument } from "./route-document.js";
import { type RouteRule, routeRule } from "./rule.js";

/** The rules of the documents for one service: the first that matches a request holds, and a request that none matches goes to the service. */
export function rulesOf(documents: readonly RouteDocument[], settings: TrafficSettings, isDeclared: IsDeclared): readonly RouteRule[] {
  const rules = documents.flatMap((document) =>
    document.rules.map((rule, index) =>
      routeRule(rule, { document: documentKey(document), index, service: document.service, settings, isDeclared }),
    ),
  );
  return rules.sort(byPrecedence);
}

/** The services of which the documents ask for subsets. */
export function subsettedServices(documents: readonly RouteDocument[]): readonly string[] {
  return documents.flatMap(({ service: own, rules }) =>
    rules.flatMap(({ to = [] }) => to.flatMap(({ service = own, subset }) => (subset === undefined ? [] : [service]))),
  );
}

/** The subsets that the documents send requests to and that are not declared, each once, sorted. */
export function undeclaredSubsets(documents: readonly RouteDocument[], isDeclared: IsDeclared): readonly string[] {
  const lost = documents.flatMap(({ service: own, rules }) =>
    rules.flatMap(({ to = [] }) =>
      to.flatMap(({ service = own, subset }) => (subset === undefined || isDeclared(service, subset) ? [] : [`${service} ${subset}`])),
    ),
  );
  return [...new Set(lost)].sort();
}
