/** Settings of one destination that work against each other. */
import { drawingStrategies, hashStrategies, slowStartStrategies } from "../traffic/balancing/strategy.js";
import { sweepInterval } from "../traffic/circuit-breaker/outlier-detection.js";
import { isGrpcCode, type RetryCondition } from "../traffic/retries/retry-condition.js";
import type { TrafficSettings } from "../traffic/settings.js";
import type { Destination } from "./destination.js";
import { type Finding, type FindingCode, finding } from "./finding.js";

/** Fields of `balancing` that some strategies have no use for. */
const strategyFields = [
  { field: "hashOn", known: hashStrategies, what: "does not look at requests" },
  { field: "boundedLoad", known: hashStrategies, what: "has no bound to the load of one instance" },
  { field: "choices", known: drawingStrategies, what: "does not draw among instances" },
] as const;

/** What is odd about one destination by itself. Only what somebody has written is told, at the place where it is written. */
export function settingsFindings({ settings, said }: Destination): readonly Finding[] {
  const found: Finding[] = [];
  const say = (code: FindingCode, fields: readonly string[], message: string, severity?: Finding["severity"]) => {
    const place = said(...fields);
    if (place) found.push(finding(code, place, message, severity));
  };
  const { timeouts, retries, connections, balancing, circuitBreaker } = settings;
  const tries = 1 + retries.attempts;
  if (timeouts.perTry > 0 && timeouts.request > 0 && timeouts.perTry * tries > timeouts.request)
    say(
      "tries-outlast-request",
      ["timeouts.perTry", "retries.attempts", "timeouts.request"],
      `${tries} tries of ${ms(timeouts.perTry)} each take longer than the request may, ${ms(timeouts.request)}: the last ones are cut off. Shorten perTry to ${ms(Math.floor(timeouts.request / tries))} or less, allow fewer attempts, or a longer request`,
    );
  if (timeouts.request > 0 && connections.connectTimeout >= timeouts.request)
    say(
      "connecting-outlasts-request",
      ["timeouts.request", "circuitBreaker.timeout", "connections.connectTimeout"],
      `the request ends after ${ms(timeouts.request)}, before ${ms(connections.connectTimeout)} of connecting to an instance that does not answer are over, so that no other one is tried. Set connections.connectTimeout lower`,
    );
  if (balancing.slowStart > 0 && !slowStartStrategies.includes(balancing.strategy))
    say(
      "slow-start-unknown",
      ["balancing.slowStart"],
      `${balancing.strategy} has no slow start in Envoy. Take slowStart out, or use one of ${slowStartStrategies.join(", ")}`,
    );
  for (const { field, known, what } of strategyFields)
    if (!known.includes(balancing.strategy))
      say(
        "balancing-without-effect",
        [`balancing.${field}`],
        `${balancing.strategy} ${what}. Take ${field} out, or use one of ${known.join(", ")}`,
      );
  if (drawingStrategies.includes(balancing.strategy) && balancing.slowStart > 0)
    say(
      "balancing-without-effect",
      ["balancing.choices"],
      `with slowStart (${ms(balancing.slowStart)}) instances are drawn only where none is new: else the least busy of all is taken. Set slowStart to 0s if the draw matters`,
      "info",
    );
  if (circuitBreaker.whenAllFail === "fail-fast")
    say(
      "panic-without-effect",
      ["balancing.panicThreshold"],
      "circuitBreaker.whenAllFail: fail-fast never tries instances that are not healthy, whatever panicThreshold says. Take one of the two out",
    );
  if (circuitBreaker.failurePercentage.enforce === 0 && circuitBreaker.successRate.enforce === 0)
    say(
      "window-unknown",
      ["circuitBreaker.monitoringPeriod"],
      "Envoy ejects after failures in a row, and has no window for them: it is the window over which failures are reported",
      "info",
    );
  else if (sweepInterval(circuitBreaker) < circuitBreaker.monitoringPeriod)
    say(
      "window-unknown",
      ["circuitBreaker.monitoringPeriod"],
      `Envoy judges shares of failures from sweep to sweep, here ${ms(sweepInterval(circuitBreaker))}, and has no longer window. Set circuitBreaker.interval to judge over another, on which ejections end too`,
      "info",
    );
  for (const { fields, message } of repeatedInVain(settings)) say("repeated-in-vain", fields, message);
  return found;
}

/** What was asked for of second tries and never comes to be. */
function repeatedInVain({ hedging, timeouts, retries }: TrafficSettings): readonly { fields: string[]; message: string }[] {
  const found: { fields: string[]; message: string }[] = [];
  const hedges = hedging.enabled && timeouts.perTry > 0 && retries.attempts > 0;
  if (hedging.enabled && !hedges)
    found.push({
      fields: ["timeouts.perTry", "retries.attempts", "hedging.enabled"],
      message: "hedging has no effect: it takes a timeouts.perTry above 0s, and retries.attempts of 1 or more",
    });
  const onSlow = retries.on.some((condition) => condition === "reset" || condition === "5xx" || condition === "gateway-error");
  if (timeouts.perTry > 0 && !onSlow && !hedges)
    found.push({
      fields: ["retries.on", "timeouts.perTry"],
      message: "a try that takes longer than timeouts.perTry is not tried again, and its caller gets 504. Add reset to retries.on",
    });
  if (retries.backoff.headers.length > 0 && !retries.on.some(isOfResponse))
    found.push({
      fields: ["retries.backoff.headers", "retries.on"],
      message: "no response is tried again, so that none is waited for as its headers say. Add its status to retries.on, such as 429",
    });
  return found;
}

/** True for what a response brings that an application has sent. */
function isOfResponse(condition: RetryCondition): boolean {
  if (typeof condition !== "string") return true;
  return isGrpcCode(condition) || ["5xx", "gateway-error", "retriable-4xx", "envoy-ratelimited"].includes(condition);
}

/** A time as one would write it. */
export function ms(time: number): string {
  for (const [unit, size] of [
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1_000],
  ] as const)
    if (time >= size && time % size === 0) return `${time / size}${unit}`;
  return `${time}ms`;
}
