import type { Outcome } from "@legation/local";
import { expect, it } from "vitest";
import { fromInstance } from "./from-instance.js";

it.each<[Outcome, Outcome]>([
  [
    { ok: true, answeredBy: ["orders-1"] },
    { ok: true, answeredBy: ["orders-1"] },
  ],
  [
    { ok: true, answeredBy: [] },
    { ok: false, reason: "answered by no instance" },
  ],
  [
    { ok: false, reason: "ECONNRESET" },
    { ok: false, reason: "ECONNRESET" },
  ],
])("makes of %j %j", async (outcome, expected) => {
  const sender = fromInstance({ send: async () => outcome, close: () => undefined });
  expect(await sender.send()).toEqual(expected);
});
