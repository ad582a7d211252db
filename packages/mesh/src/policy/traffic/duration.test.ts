import { describe, expect, it } from "vitest";
import { percentField, wholePercentField } from "./duration.js";

describe("a share in whole percent", () => {
  it("has no decimals, which Envoy would round to none or all", () => {
    const field = wholePercentField(0, 100);
    for (const text of ["0%", "1%", "99%", "100%"]) expect(field.safeParse(text).success, text).toBe(true);
    for (const text of ["0.4%", "99.6%", "101%", "1", "-1%"]) expect(field.safeParse(text).success, text).toBe(false);
    expect(percentField().safeParse("0.4%").success).toBe(true);
    expect(field.safeParse("0.4%").error?.issues[0]?.message).toBe("use a share from 0% to 100% without decimals, such as 20%");
  });
});
