import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { instance } from "../proof/instances.js";
import { addressOf, addressProblem, isIp } from "./address.js";

describe("an IP address", () => {
  it("is what Node holds for one", () => {
    const near = fc
      .array(fc.constantFrom("0", "1", "f", "00ff", "255", "256", ":", "::", ".", "1.2.3.4"), { maxLength: 12 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), near, fc.string()), (host) => {
        if (!host.includes("%")) expect(isIp(host)).toBe(isIP(host) !== 0);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each(["::", "::1", "fd00::1:2", "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8", "1::8"])("may be %s", (host) => expect(isIp(host)).toBe(true));

  it.each(["", "1.2.3", "01.2.3.4", "1.2.3.256", "1:2:3:4:5:6:7", "1::2::3", ":1", "1:", "fe80::1%eth0", "::1.2.3"])(
    "may not be %j",
    (host) => expect(isIp(host)).toBe(false),
  );
});

describe("where callers reach an instance", () => {
  it("is its Envoy, and else the application", () => {
    expect(addressOf(instance())).toEqual({ host: "10.0.0.1", port: 80 });
    expect(addressOf(instance({ mesh: { address: "10.9.9.9", port: 20_000 } }))).toEqual({ host: "10.9.9.9", port: 20_000 });
  });

  it.each(["10.0.0.1", "fd00::1", "localhost", "db.example.com.", "under_score.internal"])("may be %s", (address) =>
    expect(addressProblem(instance({ address }))).toBeUndefined(),
  );

  it.each(["", "a b", "10.0.0.256", "http://host", "host:80", `${"x".repeat(64)}.com`, "-a.com"])("may not be %j", (address) =>
    expect(addressProblem(instance({ address }))).toMatch(/neither an IP address nor a host name/),
  );

  it.each(["0.0.0.0", "::", "0:0:0:0:0:0:0:0", "::0.0.0.0"])("may not be %s, which every caller takes for itself", (address) => {
    expect(addressProblem(instance({ address }))).toMatch(/leads every caller to itself/);
    expect(addressProblem(instance({ mesh: { address, port: 20_000 } }))).toMatch(/leads every caller to itself/);
  });

  it.each([0, -1, 65_536, 1.5, Number.NaN])("may not have port %d", (port) =>
    expect(addressProblem(instance({ port }))).toMatch(/is not one of 1 to 65535/),
  );
});
