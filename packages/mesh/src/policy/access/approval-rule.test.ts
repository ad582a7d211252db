import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PolicyDocument, policySet } from "../index.js";
import { anyPolicies } from "../testing/arbitrary.js";
import { guardedHashes, lacking, lackText, rulesOf } from "./approval-rule.js";

const identity = (name: string, mode: "off" | "strict", service?: string): PolicyDocument => ({
  apiVersion: "legation/v1",
  kind: "Identity",
  name,
  mode,
  ...(service ? { service } : {}),
});
const access = (required: number, services?: string[]): PolicyDocument => ({
  apiVersion: "legation/v1",
  kind: "Access",
  name: "two",
  kinds: ["Identity"],
  ...(services ? { services } : {}),
  approvals: { keys: ["ann", "bob", "cid"], required },
});
const documents = (...all: PolicyDocument[]) => policySet(all).documents;
const texts = (before: PolicyDocument[], after: PolicyDocument[], signers: string[]) =>
  lacking({ before: documents(...before), after: documents(...after), floor: [], signers: new Set(signers) }).map(lackText);

describe("what a change lacks", () => {
  it("is said with the documents, the rule and the keys", () => {
    expect(texts([access(2), identity("m", "off")], [access(2), identity("m", "strict")], ["ann", "eve"])).toEqual([
      "Identity/m needs 2 of the signatures of ann, bob, cid by Access/two, and has that of ann",
    ]);
    expect(texts([access(2), identity("m", "off")], [access(2), identity("m", "strict")], ["ann", "bob"])).toEqual([]);
  });

  it.each([
    ["weakened", [access(1)]],
    ["taken away", []],
    ["pointed elsewhere", [access(2, ["other"])]],
  ])("is everything that a rule asks for when the rule itself is %s", (_how, after) => {
    expect(texts([access(2)], after, ["ann"])).toContain(
      "Access/two needs 2 of the signatures of ann, bob, cid by Access/two, and has that of ann",
    );
    expect(texts([access(2)], after, ["ann", "cid"])).toEqual([]);
  });

  it("is the new rule's own signatures when there was none, so that nobody locks out everybody", () => {
    expect(texts([], [access(2)], [])).toHaveLength(1);
  });

  it("counts a document for the whole mesh as one of each service", () => {
    expect(texts([access(2, ["pay"])], [access(2, ["pay"]), identity("m", "off")], [])).not.toEqual([]);
    expect(texts([access(2, ["pay"])], [access(2, ["pay"]), identity("m", "off", "web")], [])).toEqual([]);
  });

  it("holds for the floor whatever the documents say", () => {
    const floor = [{ source: "keys:3", keys: ["ann"], required: 1 }];
    const found = lacking({ before: documents(), after: documents(identity("m", "off")), floor, signers: new Set(["bob"]) });
    expect(found.map(lackText)).toEqual(["Identity/m needs 1 of the signatures of ann by keys:3"]);
  });

  it("is nothing where no guarded document differs, and never less than some rule asks for", () => {
    fc.assert(
      fc.property(anyPolicies, anyPolicies, (before, after) => {
        const [old, now] = [documents(...before), documents(...after)];
        expect(lacking({ before: old, after: old, floor: [], signers: new Set() })).toEqual([]);
        const rules = [...rulesOf(old), ...rulesOf(now)];
        const differs = JSON.stringify(guardedHashes(old, rules)) !== JSON.stringify(guardedHashes(now, rules));
        expect(lacking({ before: old, after: now, floor: [], signers: new Set() }).length > 0).toBe(differs);
      }),
    );
  });
});
