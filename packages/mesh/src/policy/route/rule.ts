/** One rule of a route: which requests it is for, and what becomes of them. */
import { z } from "zod";
import { contradictions, putOver, type TrafficFields, type TrafficSettings, trafficFields } from "../traffic/settings.js";
import { type Redirect, type Respond, redirect, redirectField, respond, respondField } from "./answer.js";
import { type Destination, destinations, type IsDeclared, toField } from "./destination.js";
import { type Fault, fault, faultField } from "./fault.js";
import { headersEditField, type RuleHeaders, ruleHeaders } from "./header-edits.js";
import { type Mirror, mirror, mirrorField } from "./mirror.js";
import { pathRewriteFlaws } from "./path-rewrite.js";
import { repeatFlaws } from "./repeat-flaws.js";
import { type Rewrite, rewrite, rewriteField } from "./rewrite.js";
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
  readonly headers: RuleHeaders | undefined;
  readonly fault: Fault | undefined;
  /** How its requests are sent: the service's own settings, the very same value where the rule says nothing of them. */
  readonly settings: TrafficSettings;
}

/** What becomes of the requests. */
export type RuleAction = Forward | ({ readonly kind: "redirect" } & Redirect) | ({ readonly kind: "respond" } & Respond);

/** They are sent to services. */
export interface Forward {
  readonly kind: "forward";
  /** At least one, of which at least one has a weight above 0. */
  readonly to: readonly Destination[];
  readonly rewrite: Rewrite | undefined;
  readonly mirror: Mirror | undefined;
}

const { timeouts, retries, hedging } = trafficFields;
const answers = ["redirect", "respond"] as const;
const forwarding = ["to", "rewrite", "mirror", "timeouts", "retries", "hedging"] as const;
/** What a cluster has once, for all routes that lead there. */
const ofService = ["budget", "minConcurrency", "maxConcurrency"] as const;

/** What may be written of a rule. */
export const ruleField = z
  .strictObject({
    match: matchField.optional(),
    to: toField.optional(),
    rewrite: rewriteField.optional(),
    redirect: redirectField.optional(),
    respond: respondField.optional(),
    headers: headersEditField.optional(),
    mirror: mirrorField.optional(),
    fault: faultField.optional(),
    ...{ timeouts, retries, hedging },
  })
  .superRefine((rule, { addIssue }) => {
    const flaw = (path: PropertyKey[], message: string) => addIssue({ code: "custom", path, message });
    const [answer, other] = answers.filter((field) => rule[field] !== undefined);
    if (other) flaw([other], `${answer} is the answer already. Keep one of the two`);
    for (const field of forwarding)
      if (answer && rule[field] !== undefined) flaw([field], `nothing is sent anywhere where ${answer} is the answer. Keep one of the two`);
    if (answer && rule.headers?.request)
      flaw(["headers", "request"], `no request is sent where ${answer} is the answer. Keep headers.response alone`);
    if (rule.rewrite) pathRewriteFlaws(rule.rewrite, rule.match, "rewrite", addIssue);
    if (rule.redirect) pathRewriteFlaws(rule.redirect, rule.match, "redirect", addIssue);
    for (const field of ofService)
      if (rule.retries?.[field] !== undefined)
        flaw(["retries", field], "holds for all requests to a service together. Write it in the policy Service of that service");
    for (const { path, message } of [...contradictions(overrides(rule)), ...repeatFlaws(rule)]) flaw([...path], message);
  })
  .describe("What becomes of some requests. What it does not say of timeouts, retries and hedging is as for the service.");

function overrides({ timeouts, retries, hedging }: TrafficFields): TrafficFields {
  return { timeouts, retries, hedging };
}

/** The rule that was written at a place of a document for a service. */
export function routeRule(
  written: z.output<typeof ruleField>,
  at: {
    readonly document: string;
    readonly index: number;
    readonly service: string;
    readonly settings: TrafficSettings;
    readonly isDeclared: IsDeclared;
  },
): RouteRule {
  const { document, index, service, settings } = at;
  const own = written.timeouts ?? written.retries ?? written.hedging;
  return {
    name: `${document}#${index}`,
    document,
    index,
    match: written.match ? ruleMatch(written.match) : anyRequest,
    action: action(written, service, at.isDeclared),
    headers: written.headers && ruleHeaders(written.headers),
    fault: written.fault && fault(written.fault),
    settings: own ? putOver(overrides(written), settings) : settings,
  };
}

function action(written: z.output<typeof ruleField>, service: string, isDeclared: IsDeclared): RuleAction {
  if (written.redirect) return { kind: "redirect", ...redirect(written.redirect) };
  if (written.respond) return { kind: "respond", ...respond(written.respond) };
  return {
    kind: "forward",
    to: destinations(written.to, service, isDeclared),
    rewrite: written.rewrite && rewrite(written.rewrite),
    mirror: written.mirror && mirror(written.mirror),
  };
}

/** The services that a rule sends requests or copies of them to. */
export function destinationsOf({ action }: RouteRule): readonly string[] {
  if (action.kind !== "forward") return [];
  return [...action.to, ...(action.mirror ? [action.mirror] : [])].map(({ service }) => service);
}
