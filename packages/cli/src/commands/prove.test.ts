import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { call } from "../testing/capture.js";
import { proofsAt } from "./prove.js";

describe("legation prove", () => {
  it("says what it needs where the repository is not there", async () => {
    const absent = proofsAt(pathToFileURL("/nowhere/index.js"));
    const commands = [{ name: "prove", summary: "Prove", load: async () => ({ run: absent }) }];
    const { code, err } = await call(["prove", "rollout"], { commands });
    expect(code).toBe(1);
    expect(err).toMatch(/^legation prove: the proofs are not installed .* Clone Legation's repository, run npm run setup in it/);
  });

  it("shows the flags of a proof", async () => {
    const { code, out } = await call(["prove", "rollout", "--help"]);
    expect(code).toBe(0);
    expect(out).toContain("--requests N");
  });

  it("refuses a proof that there is not", async () => {
    expect(await call(["prove", "everything"])).toMatchObject({ code: 2, err: expect.stringContaining("everything is no proof") });
  });
});
