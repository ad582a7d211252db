import { expect, it } from "vitest";
import { z } from "zod";
import { unsupportedByGrpc } from "./grpc.js";
import { defaultSettings, putOver, type TrafficFields, trafficFields } from "./settings.js";

const schema = z.strictObject(trafficFields);
const paths = (written: TrafficFields) =>
  unsupportedByGrpc(putOver(schema.parse(written), defaultSettings)).map((text) => /do not follow ([A-Za-z.]+): /.exec(text)?.[1]);

it("says nothing of what holds without a word", () => {
  expect(unsupportedByGrpc(defaultSettings)).toEqual([]);
});

it.each<[TrafficFields, string[]]>([
  [{ limits: { requests: 7 }, timeouts: { stream: "5s" } }, []],
  [
    { limits: { requests: 7, connections: 7 }, timeouts: { request: "5s", idle: "9s" } },
    ["limits.connections", "timeouts.request", "timeouts.idle"],
  ],
  [{ retries: { on: ["unavailable", "connect-failure"], attempts: 4, backoff: { base: "50ms" } } }, []],
  [{ retries: { on: ["unavailable", "5xx"] } }, ["retries.on"]],
  [{ retries: { on: ["unavailable"], attempts: 5, budget: "50%" } }, ["retries.attempts", "retries.budgetPercent"]],
  [{ retries: { attempts: 1, backoff: { base: "50ms" } } }, ["retries.attempts", "retries.backoff.base", "retries.backoff.max"]],
  [{ retries: { attempts: 0 } }, []],
  [{ circuitBreaker: { failurePercentage: { threshold: "50%" }, recoveryTimeout: "5s", maxEjection: "60%" } }, []],
  [
    { circuitBreaker: { recoveryTimeout: "5s", whenAllFail: "fail-fast" } },
    ["circuitBreaker.recoveryTimeout", "circuitBreaker.whenAllFail"],
  ],
  [
    { circuitBreaker: { consecutive: { serverErrors: 3 }, ejectionJitter: "1s" } },
    ["circuitBreaker.consecutive.serverErrors", "circuitBreaker.ejectionJitter"],
  ],
  [{ balancing: { strategy: "ring_hash", hashOn: [{ header: "x-user" }] } }, []],
  [
    { balancing: { strategy: "maglev", hashOn: [{ query: "user" }], boundedLoad: "150%" } },
    ["balancing.strategy", "balancing.hashOn", "balancing.boundedLoad"],
  ],
  [{ balancing: { strategy: "weighted_round_robin" } }, ["balancing.strategy"]],
  [{ circuitBreaker: { failureThreshold: 2, successThreshold: 9, monitoringPeriod: "1m" } }, ["circuitBreaker.failureThreshold"]],
  [{ hedging: { enabled: true } }, ["hedging.enabled"]],
  [{ accessLog: { path: "/dev/stdout" }, connections: { appIdleTimeout: "3s", keepalive: "5s" } }, ["connections.keepalive"]],
])("of %j it names %j", (written, expected) => expect(paths(written)).toEqual(expected));
