/** A control plane without a canary, for tests of what is beside it. */
import { LegationError } from "@legation/runtime";
import type { CanarySetup } from "../setup.js";

const none = () => Promise.reject(new LegationError("policy.conflict", "no canary runs"));

/** The parts. Beginning and ending a canary reject. */
export const noCanary: CanarySetup = {
  store: { read: async () => ({ index: 0, record: undefined }), begin: none, end: none },
  view: () => null,
  withdraw: none,
  evidence: () => ({ proxies: [], answers: [] }),
  refresh: () => undefined,
  settled: () => true,
  mesh: { view: () => undefined, has: () => false, routed: () => undefined },
  changed: () => undefined,
  update: () => undefined,
  take: () => undefined,
  start: () => undefined,
};
