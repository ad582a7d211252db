import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serviceIdentityOf, spiffeId } from "./identity.js";

const segment = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
const trustDomain = fc.stringMatching(/^[0-9a-f]{8}\.consul$/);

describe("a SPIFFE ID", () => {
  it("has the form that Consul writes", () => {
    expect(spiffeId({ trustDomain: "1111.consul", namespace: "default", datacenter: "dc1", service: "web" })).toBe(
      "spiffe://1111.consul/ns/default/dc/dc1/svc/web",
    );
  });

  it("reads back as it was written", () => {
    fc.assert(
      fc.property(
        fc.record(
          { trustDomain, partition: segment, namespace: segment, datacenter: segment, service: segment },
          { requiredKeys: ["trustDomain", "namespace", "datacenter", "service"] },
        ),
        (identity) => {
          expect(serviceIdentityOf(spiffeId(identity))).toEqual(identity);
        },
      ),
    );
  });

  it("knows the trust domain in any case, and Consul's admin partitions", () => {
    expect(serviceIdentityOf("spiffe://AB.Consul/ap/p1/ns/default/dc/dc1/svc/web")).toEqual({
      trustDomain: "ab.consul",
      partition: "p1",
      namespace: "default",
      datacenter: "dc1",
      service: "web",
    });
  });

  it.each([
    "",
    "web",
    "https://td/ns/default/dc/dc1/svc/web",
    "spiffe://td/agent/client/dc/dc1/id/x",
    "spiffe://td/ns/default/dc/dc1/svc/",
    "spiffe://td/ns/default/dc/dc1/svc/web/x",
    "spiffe://td/ns/default/dc/dc1/svc/%",
    "spiffe:///ns/default/dc/dc1/svc/web",
    "spiffe://td/ns/default/dc/dc1/svc/web?x",
  ])("is not %j", (uri) => expect(serviceIdentityOf(uri)).toBeUndefined());
});
