import { describe, expect, it } from "vitest";
import { readAccessLine } from "./access-line.js";
import { flagsIn, responseFlags } from "./response-flags.js";

describe("a line of an access log", () => {
  it("is read as Legation's proxies write it", () => {
    const line = {
      attempts: 1,
      details: "no_healthy_upstream",
      flags: "UH",
      host: "orders",
      method: "GET",
      path: "/x",
      route: "Route/orders#0",
      status: 503,
      upstream: null,
      upstreamCluster: "orders",
    };
    expect(readAccessLine(JSON.stringify(line))).toEqual({
      ...{ flags: ["UH"], status: 503, method: "GET", host: "orders", path: "/x", cluster: "orders", route: "Route/orders#0" },
      details: "no_healthy_upstream",
    });
  });

  it("is read by the names that others give in JSON", () => {
    const line = {
      response_flags: "UF,URX",
      response_code: "503",
      ":authority": "orders.mesh",
      upstream_host: "10.0.0.1:80",
      upstream_cluster: "orders",
    };
    expect(readAccessLine(JSON.stringify(line))).toEqual({
      ...{ flags: ["UF", "URX"], status: 503, host: "orders.mesh", upstream: "10.0.0.1:80", cluster: "orders" },
    });
  });

  const id = "de305d54-75b4-431b-adb2-eb6b9e546014";

  it("is read in Envoy's default format, and with more in it", () => {
    const plain = `[2026-04-15T20:17:00.310Z] "POST /api/v1/x?y=1 HTTP/2" 503 UO 154 0 226 100 "10.0.35.28" "nsq2http" "${id}" "orders:80" "tcp://x" `;
    expect(readAccessLine(plain)).toMatchObject({
      flags: ["UO"],
      status: 503,
      method: "POST",
      path: "/api/v1/x?y=1",
      host: "orders:80",
      requestId: id,
    });
    const more = `[2026-04-15T20:17:00.310Z] "GET / HTTP/1.1" 503 UF,URX upstream_reset_before_response_started{connection_failure} - "-" 0 91 12 - "-" "curl/8" "${id}" "orders" "10.0.0.7:20000" orders - 10.0.0.1:80 -`;
    expect(readAccessLine(more)).toMatchObject({
      ...{ flags: ["UF", "URX"], host: "orders", upstream: "10.0.0.7:20000", cluster: "orders" },
      details: "upstream_reset_before_response_started{connection_failure}",
    });
    const quiet = `[2026-04-15T20:17:00.310Z] "GET / HTTP/1.1" 200 - 0 2 1 1 "-" "curl" "${id}" "orders" "127.0.0.1:9"`;
    expect(readAccessLine(quiet)).toMatchObject({ flags: [], status: 200, upstream: "127.0.0.1:9" });
  });

  it.each(["", "hello", "{", "{}", "[1] nothing", '{"flags":"-"}'])("is not found in %j", (text) =>
    expect(readAccessLine(text)).toBeUndefined(),
  );
});

describe("response flags", () => {
  it("are all those of Envoy 1.40, each with a meaning and something to do", () => {
    expect([...responseFlags.keys()].sort()).toEqual(
      "DC DF DI DO DPE DR DT FI IH LH LR NC NFCF NR OM RFCF RL RLSE SI UAEX UC UDO UF UH UMSDR UO UPE UR URX UT".split(" "),
    );
    for (const { meaning, action, name } of responseFlags.values()) for (const text of [meaning, action, name]) expect(text).not.toBe("");
  });

  it("are found by short and long names, in any case", () => {
    expect(flagsIn("UF,urx")).toEqual(["UF", "URX"]);
    expect(flagsIn("NoHealthyUpstream")).toEqual(["UH"]);
    expect(flagsIn("-")).toEqual([]);
    expect(flagsIn("UF,XX")).toBeUndefined();
  });
});

it("ends for a line of nothing but blanks", () => {
  // Where blanks are counted in two places, each of these takes more than the time of the test.
  const line = (rest: string) => readAccessLine(`"GET / HTTP/1.1"${" ".repeat(400_000)}${rest}`);
  expect([line(" x"), line(" 200 ")]).toEqual([undefined, undefined]);
});
