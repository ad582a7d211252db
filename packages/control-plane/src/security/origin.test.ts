import { expect, test } from "vitest";
import { keyOfCaller } from "./caller.js";
import { originOf } from "./origin.js";

test.each([
  ["10.0.0.9", "10.0.0.9"],
  ["::ffff:10.0.0.9", "10.0.0.9"],
  ["::1", "::1"],
  ["2001:db8:0:1:1:2:3:4", "2001:db8:0:1::/64"],
  ["2001:0DB8:0000:0001:ffff::9", "2001:db8:0:1::/64"],
  ["2001:db8:0:1::", "2001:db8:0:1::/64"],
  ["2001:db8::1:2:3:4:5", "2001:db8:0:1::/64"],
  ["2001:db8:0:2::1", "2001:db8:0:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::5", "0:0:0:0::/64"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
  ["fe80::1:2:3:4%eth0", "fe80:0:0:0::/64"],
  ["", ""],
])("%s is counted as %s", (address, origin) => {
  expect(originOf(address)).toBe(origin);
});

test("who has a whole /64 is one client, however many of its addresses are used", () => {
  const keyAt = (address: string) => keyOfCaller({ kind: "anonymous", address });
  expect(keyAt("2001:db8:0:1::1")).toBe(keyAt("2001:db8:0:1:ffff::2"));
  expect(keyAt("2001:db8:0:1::1")).not.toBe(keyAt("2001:db8:0:2::1"));
  expect(keyAt("10.0.0.1")).not.toBe(keyAt("10.0.0.2"));
});
