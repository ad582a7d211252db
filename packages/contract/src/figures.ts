/** What an instance's Envoy measures of its own service and of those that it calls, as its agent reports it. */
import type { reportAnswer, reportedBreaker, reportedCall, reportedLoad } from "./api/agent-report.js";
import type { View } from "./api/view.js";

/** How an instance answers, coarsely, so that it changes rarely. */
export type ReportedLoad = View<typeof reportedLoad>;

/** The classes of a ReportedLoad. */
export const loadScale = {
  /** Milliseconds; faster than this is all the same. */
  fastest: 2,
  /** The largest latency class: 131 s. */
  latency: 32,
  errorRates: [0.05, 0.1, 0.2, 0.3],
  idle: 6,
} as const;

/** How a circuit breaker stands that is not closed. */
export const breakerStates = ["open", "half-open"] as const;
/** One of `breakerStates`. */
export type BreakerState = (typeof breakerStates)[number];

/** How a breaker stands; the words of REQUIREMENTS R5 in the order of how bad they are. */
export const breakerStandings = ["closed", "half-open", "open"] as const;
/** One of `breakerStandings`. */
export type BreakerStanding = (typeof breakerStandings)[number];

/** A breaker of a caller that is not closed. */
export type ReportedBreaker = View<typeof reportedBreaker>;

/** Breakers in a report, at most: the open ones first, the newest of them first. */
export const reportedBreakers = 50;

/** Characters of a breaker's cause, at most. */
export const reportedCauseLength = 200;

/** A service that this instance's Envoy has sent something to. */
export type ReportedCall = View<typeof reportedCall>;

/** Called services in a report, at most: those that are no declared dependency first, then those with the most calls. */
export const reportedCalls = 50;

/** What a control plane answers to an AgentReport. */
export type ReportAnswer = View<typeof reportAnswer>;
