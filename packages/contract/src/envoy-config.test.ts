import fc from "fast-check";
import { expect, test } from "vitest";
import { endpointAddress, endpointMark, markedCount } from "./envoy-config.js";

const address = fc.tuple(fc.ipV4(), fc.integer({ min: 1, max: 65_535 })).map(([host, port]) => endpointAddress(host, port));

test("marks are equal for equal sets in any order, differ for others, and tell how many there are", () => {
  fc.assert(
    fc.property(fc.uniqueArray(address, { maxLength: 40 }), address, (addresses, other) => {
      expect(endpointMark([...addresses].reverse())).toBe(endpointMark(addresses));
      expect(endpointMark([...addresses, ...addresses])).toBe(endpointMark(addresses));
      expect(markedCount(endpointMark(addresses))).toBe(addresses.length);
      fc.pre(!addresses.includes(other));
      expect(endpointMark([...addresses, other])).not.toBe(endpointMark(addresses));
      if (addresses.length > 0) expect(endpointMark([...addresses.slice(1), other])).not.toBe(endpointMark(addresses));
    }),
  );
});

test("IPv6 stands in brackets, whatever its case", () => {
  expect(endpointAddress("FD00::1", 80)).toBe("[fd00::1]:80");
});
