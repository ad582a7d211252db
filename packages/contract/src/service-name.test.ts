import { describe, expect, it } from "vitest";
import { serviceNameProblem } from "./service-name.js";

describe("a service's name", () => {
  it.each(["a", "7", "orders", "Orders-V2", "x".repeat(63)])("may be %j", (name) => expect(serviceNameProblem(name)).toBeUndefined());

  it.each(["", "-a", "a-", "a_b", "a.b", "a b", "ü", "*", "x".repeat(64)])("may not be %j, and the message says what may", (name) => {
    expect(serviceNameProblem(name)).toMatch(/is not a DNS label: use 1 to 63 letters/);
  });
});
