import type { ChangeOutcome, Plan } from "@legation/contract/api";
import { noPolicies } from "@legation/mesh/policy";
import { expect, test } from "vitest";
import { noCanary } from "../canary/testing/no-canary.js";
import type { PolicyChange } from "../policies/editor.js";
import { createTestPolicies } from "../policies/testing/policy-parts.js";
import { beginCanary } from "./policy-canary.js";

const change: PolicyChange = { set: [], author: "ann", reason: "test" };
const unchanged: ChangeOutcome = { state: "unchanged", bundle: null, version: 0 };

/** What beginning a canary works with, over a mesh that the plan tells of; and what was changed by it. */
function scene(plan: Partial<Plan>) {
  const made: PolicyChange[] = [];
  const policies = createTestPolicies();
  const none = { proxies: 0, changed: 0, resources: [], requests: [], changedProxies: [], replicas: 1, silent: [] };
  const parts = {
    canary: noCanary,
    live: { ...policies.live, policies: () => noPolicies },
    planner: { own: () => Promise.reject(new Error("unused")), everywhere: async () => ({ ...none, ...plan }) },
    editing: () => ({
      ...policies.editing(),
      editor: {
        change: async (given: PolicyChange) => {
          made.push(given);
          return unchanged;
        },
        applyProposal: () => Promise.reject(new Error("unused")),
        rollback: () => Promise.reject(new Error("unused")),
      },
    }),
  };
  const begin = (wish = {}) => beginCanary(change, wish, {}, parts, new AbortController().signal);
  return { made, begin };
}

test("no canary begins, and nothing is changed, while a control plane does not say which proxies it has", async () => {
  const { made, begin } = scene({ silent: ["10.0.0.2:80 refused the connection"] });
  await expect(begin()).rejects.toMatchObject({ code: "policy.conflict", message: expect.stringContaining("10.0.0.2:80 refused") });
  expect(made).toEqual([]);
});

test("a canary that could never be watched for its window is refused", async () => {
  const { made, begin } = scene({ changedProxies: [{ node: "n1/web-1", service: "web" }] });
  await expect(begin({ window: 900 })).rejects.toMatchObject({
    code: "policy.invalid",
    message: expect.stringContaining("--canary-limit"),
  });
  expect(made).toEqual([]);
  await begin({ window: 900, limit: 901 });
  expect(made).toMatchObject([{ canary: expect.any(Function) }]);
});

test("what changes nothing for any proxy is made live at once", async () => {
  const { made, begin } = scene({});
  expect(await begin()).toBe(unchanged);
  expect(made).toEqual([change]);
});
