/** What an instance's Envoy measures of its own service and of those that it calls, as its agent reports it. */

/**
 * How an instance answers, coarsely, so that it changes rarely. Each figure is smoothed before, and becomes another class only when it is
 * clearly beyond the border.
 */
export interface ReportedLoad {
  /** Mean response time in half octaves above `loadScale.fastest`: 2 more is twice as slow. 0 to `loadScale.latency`. */
  readonly latency: number;
  /** How many of `loadScale.errorRates` the share of failed requests has reached. */
  readonly errors: number;
  /** So many times, one after the other, the instance had too few requests for its figures to be believed. 0 to `loadScale.idle`. */
  readonly idle: number;
}

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
export interface ReportedBreaker {
  /** The service that is called. */
  readonly service: string;
  /** `host:port` of the instance that is ejected, or has come back; absent where a limit towards the whole service is exceeded. */
  readonly address?: string;
  readonly state: BreakerState;
  /** Why it opened; at most `reportedCauseLength` characters. */
  readonly cause: string;
  /** When it came into this state; RFC 3339. */
  readonly since: string;
}

/** Breakers in a report, at most: the open ones first, the newest of them first. */
export const reportedBreakers = 50;

/** Characters of a breaker's cause, at most. */
export const reportedCauseLength = 200;

/** A service that this instance's Envoy has sent something to. */
export interface ReportedCall {
  readonly service: string;
  /** Requests, or connections where TCP is spoken, since that Envoy's start; with retries. Health checks are none. */
  readonly count: number;
}

/** Called services in a report, at most: those that are no declared dependency first, then those with the most calls. */
export const reportedCalls = 50;

/** What a control plane answers to an AgentReport. */
export interface ReportAnswer {
  readonly accepted: true;
  /** Of the services whose breakers the report tells: how many successes close a breaker that is half-open. */
  readonly successThresholds?: Readonly<Record<string, number>>;
}
