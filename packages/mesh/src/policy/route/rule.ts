/** One rule of a route: which requests it is for, and what becomes of them. */
import { z } from "zod";
import type { TrafficSettings } from "../traffic/settings.js";
import { type Destination, destinations, toField } from "./destination.js";
import { anyRequest, matchField, type RuleMatch, ruleMatch } from "./rule-match.js";

/** A rule, resolved: plain values, from which the routes of every kind of client are made. */
export interface RouteRule {
  /** `Route/orders-canary#0`: the document, and the place in it from 0. Names the rule's routes in Envoy's statistics and access log. */
  readonly name: string;
  /** `Route/orders-canary`. */
  readonly document: string;
  readonly index: number;
  readonly match: RuleMatch;
  readonly action: RuleAction;
  /** How its requests are sent: as the service's own settings say. */
  readonly settings: TrafficSettings;
}

/** What becomes of the requests. */
export interface RuleAction {
  readonly kind: "forward";
  /** At least one, of which at least one has a weight above 0. */
  readonly to: readonly Destination[];
}

/** What may be written of a rule. */
export const ruleField = z
  .strictObject({ match: matchField.optional(), to: toField.optional() })
  .describe("What becomes of some requests.");

/** The rule that was written at a place of a document for a service. */
export function routeRule(
  written: z.output<typeof ruleField>,
  {
    document,
    index,
    service,
    settings,
  }: { readonly document: string; readonly index: number; readonly service: string; readonly settings: TrafficSettings },
): RouteRule {
  return {
    name: `${document}#${index}`,
    document,
    index,
    match: written.match ? ruleMatch(written.match) : anyRequest,
    action: { kind: "forward", to: destinations(written.to, service) },
    settings,
  };
}

/** The services that a rule sends requests to. */
export function destinationsOf({ action }: RouteRule): readonly string[] {
  return action.to.map(({ service }) => service);
}
