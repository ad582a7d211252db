import { describe, expect, it } from "vitest";
import { type Calls, callsBetween, type IdentityLook } from "./identity-look.js";

const look = (calls: Readonly<Record<string, Calls>>): IdentityLook => ({
  certificates: 1,
  firstEnds: undefined,
  calls: new Map(Object.entries(calls)),
});

describe("the calls between two looks", () => {
  it("are summed over the Envoys, and those of a new one count from its start", () => {
    const before = look({
      "orders-1": { all: 100, tls: 40, denied: 3, active: 2 },
      "orders-2": { all: 900, tls: 900, denied: 0, active: 0 },
    });
    const after = look({
      "orders-1": { all: 160, tls: 100, denied: 4, active: 1 },
      "orders-2": { all: 7, tls: 7, denied: 0, active: 0 },
      "orders-3": { all: 5, tls: 5, denied: 1, active: 1 },
    });
    expect(callsBetween(before, after)).toEqual({ all: 72, tls: 72, denied: 2, active: 2 });
  });
});
