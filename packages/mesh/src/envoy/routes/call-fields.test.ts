import { create } from "@bufbuild/protobuf";
import { toJson } from "@legation/envoy-api";
import { type RouteAction, RouteActionSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { describe, expect, it } from "vitest";
import type { CallKind } from "../../policy/traffic/retries/retry-policy.js";
import { defaultSettings, type TrafficSettings } from "../../policy/traffic/settings.js";
import { trafficTo } from "../../policy/traffic/traffic-policies.js";
import { writtenPolicies } from "../../proof/written-policies.js";
import { callFields } from "./call-fields.js";

function written(fields: string, mesh = ""): TrafficSettings {
  const document = (kind: string, name: string, text: string) => `---\napiVersion: legation/v1\nkind: ${kind}\nname: ${name}\n${text}\n`;
  const policies = writtenPolicies(document("MeshDefaults", "mesh", mesh) + document("Service", "orders", fields));
  return trafficTo({ name: "orders", instances: [] }, policies).settings;
}

const action = (kind: CallKind, settings: TrafficSettings, host?: TrafficSettings): RouteAction =>
  create(RouteActionSchema, callFields(kind, settings, host));
const shown = (kind: CallKind, settings: TrafficSettings, host?: TrafficSettings) =>
  toJson(RouteActionSchema, action(kind, settings, host)) as Record<string, unknown>;
const retryOn = (kind: CallKind, settings: TrafficSettings) => action(kind, settings).retryPolicy?.retryOn;

describe("timeouts of a route", () => {
  it("are 30 s for the request and nothing else without a word; a gRPC call brings its own deadline", () => {
    expect(shown("other", defaultSettings, defaultSettings)).toEqual({ timeout: "30s" });
    expect(shown("grpc", defaultSettings, defaultSettings)).toEqual({ timeout: "0s", maxStreamDuration: { grpcTimeoutHeaderMax: "0s" } });
  });

  it("are those that were written, and 0s is none", () => {
    const settings = written("timeouts: { request: 0s, idle: 5s, stream: 1m, perTry: 250ms, perTryIdle: 2s }");
    expect(shown("idempotent", settings)).toMatchObject({
      timeout: "0s",
      idleTimeout: "5s",
      maxStreamDuration: { maxStreamDuration: "60s" },
      retryPolicy: { perTryTimeout: "0.250s", perTryIdleTimeout: "2s" },
    });
    expect(shown("grpc", settings)).toMatchObject({ maxStreamDuration: { maxStreamDuration: "60s", grpcTimeoutHeaderMax: "60s" } });
    const none = written("timeouts: { idle: 0s, stream: 0s, perTry: 0s }", "timeouts: { idle: 5s, stream: 1m, perTry: 1s }");
    expect(shown("idempotent", none, none)).toEqual(shown("idempotent", defaultSettings, defaultSettings));
  });

  it("leave a try all the time of the request where it is not sent twice", () => {
    const settings = written("timeouts: { perTry: 250ms }");
    expect(action("other", settings).retryPolicy?.perTryTimeout).toBeUndefined();
    expect(action("grpc", settings).retryPolicy?.perTryTimeout).toBeUndefined();
    const all = written("timeouts: { perTry: 250ms }\nretries: { methods: all }");
    expect(shown("other", all)).toMatchObject({ retryPolicy: { perTryTimeout: "0.250s" } });
  });

  it("are refused where no second try would fit", () => {
    expect(() => written("timeouts: { request: 1s, perTry: 1s }")).toThrow(
      "Service/orders: timeouts.perTry: is not shorter than request (1s), so that no second try fits. Shorten it",
    );
    expect(() => written("timeouts: { request: 0s, perTry: 1s }")).not.toThrow();
  });
});

describe("retries of a route", () => {
  const careful = "connect-failure,refused-stream,reset-before-request,retriable-headers";

  it("are those of a virtual host, but for idempotent methods, and each route's own without one", () => {
    expect(action("other", defaultSettings, defaultSettings).retryPolicy).toBeUndefined();
    expect(retryOn("other", defaultSettings)).toBe(careful);
    expect(retryOn("grpc", defaultSettings)).toBe(careful);
    expect(retryOn("idempotent", defaultSettings)).toBe(`${careful},reset`);
  });

  it("keep to what nobody has begun to work on where the method is not idempotent, unless asked", () => {
    const on = "on: [503, 5xx, gateway-error, reset, connect-failure, { header: x-again, prefix: y }]";
    expect(retryOn("idempotent", written(`retries: { ${on} }`))).toBe(
      "connect-failure,retriable-headers,reset,5xx,gateway-error,retriable-status-codes",
    );
    expect(retryOn("other", written(`retries: { ${on} }`))).toBe("connect-failure,retriable-headers");
    expect(action("other", written(`retries: { ${on} }`)).retryPolicy?.retriableHeaders.map(({ name }) => name)).toEqual([
      "x-legation-app",
    ]);
    const all = written(`retries: { methods: all, ${on} }`);
    for (const kind of ["other", "grpc"] as const) expect(shown(kind, all)["retryPolicy"]).toEqual(shown("idempotent", all)["retryPolicy"]);
    expect(action("other", all).retryPolicy).toMatchObject({ retriableStatusCodes: [503] });
  });

  it("know gRPC's codes for gRPC calls, for which the route has its own policy then", () => {
    const settings = written("retries: { on: [unavailable, connect-failure] }");
    expect(action("grpc", settings, settings).retryPolicy?.retryOn).toBe("connect-failure,retriable-headers,unavailable");
    expect(retryOn("idempotent", settings)).toBe("connect-failure,retriable-headers");
  });

  it("avoid the instances before, wait as written, and ask for other priorities", () => {
    const settings = written(
      "retries: { previousPriorities: 2, backoff: { base: 40ms, headers: [{ name: Retry-After }, { name: X-Reset, format: unix }], headersMax: 10s } }",
    );
    expect(shown("other", settings)).toMatchObject({
      retryPolicy: {
        retryPriority: { name: "envoy.retry_priorities.previous_priorities", typedConfig: { updateFrequency: 2 } },
        retryHostPredicate: [{ name: "envoy.retry_host_predicates.previous_hosts" }],
        retryBackOff: { baseInterval: "0.040s", maxInterval: "0.400s" },
        rateLimitedRetryBackOff: {
          resetHeaders: [{ name: "Retry-After" }, { name: "X-Reset", format: "UNIX_TIMESTAMP" }],
          maxInterval: "10s",
        },
      },
    });
    expect(action("other", written("retries: { avoidPreviousHosts: false }")).retryPolicy?.retryHostPredicate).toEqual([]);
  });

  it.each([
    ["on: []", "retries.on: [] is too small. Use at least 1 entries"],
    ["on: [sometimes]", 'retries.on[0]: "sometimes" cannot be used: use connect-failure,'],
    ["on: [200]", "retries.on[0]: 200 is too small. Use at least 400"],
    ["on: [{ header: X-Again }]", 'retries.on[0].header: "X-Again" cannot be used: use the name of a header in small letters'],
    ["maxConcurrency: 5, budget: 10%", "retries.maxConcurrency: budget says in another way how many"],
    ["backoff: { base: 1s, max: 10ms }", "retries.backoff.max: is shorter than base (1s)"],
  ])("are refused as { %s }", (text, message) => {
    expect(() => written(`retries: { ${text} }`)).toThrow(message);
  });
});

describe("hedging", () => {
  it("is for idempotent methods with a timeout of a try, and for others when asked", () => {
    const hedging = written("timeouts: { perTry: 100ms }\nhedging: { enabled: true }");
    expect(shown("idempotent", hedging)).toMatchObject({
      hedgePolicy: { hedgeOnPerTryTimeout: true },
      retryPolicy: { perTryTimeout: "0.100s" },
    });
    for (const kind of ["other", "grpc"] as const) expect(action(kind, hedging).hedgePolicy).toBeUndefined();
    const all = written("timeouts: { perTry: 100ms }\nhedging: { enabled: true, methods: all }");
    for (const kind of ["other", "grpc"] as const)
      expect(shown(kind, all)).toMatchObject({
        hedgePolicy: { hedgeOnPerTryTimeout: true },
        retryPolicy: { perTryTimeout: "0.100s", retryOn: careful },
      });
  });

  const careful = "connect-failure,refused-stream,reset-before-request,retriable-headers";

  it("is refused without a timeout of a try, or a retry", () => {
    expect(() => written("hedging: { enabled: true }")).toThrow(
      "Service/orders: hedging.enabled: the second try is sent when timeouts.perTry has passed, which is not written here. Write it beside this",
    );
    expect(() => written("hedging: { enabled: true }\ntimeouts: { perTry: 1s }\nretries: { attempts: 0 }")).toThrow(
      "hedging.enabled: the second try is a retry, and retries.attempts: 0 allows none",
    );
  });
});
