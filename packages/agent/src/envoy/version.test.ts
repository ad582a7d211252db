import { expect, test } from "vitest";
import type { EnvoyState } from "./runner.js";
import { createEnvoyVersion } from "./version.js";

test("each Envoy is asked once, and one that did not answer again", async () => {
  let state: EnvoyState = { phase: "starting", reason: "", pid: 1, restarts: 0, handovers: 0 };
  const answers = [undefined, "1.40.0", "1.41.2"];
  let asked = 0;
  let known = 0;
  const version = createEnvoyVersion({
    admin: {
      async identity() {
        const said = answers[asked++];
        if (said === undefined) throw new Error("Envoy does not answer");
        return { nodeId: "n1/web-1", version: `d1c3a7/${said}/Clean/RELEASE/BoringSSL`, epoch: 0 };
      },
    },
    state: () => state,
    onKnown: () => {
      known++;
    },
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  expect([version(), asked]).toEqual([undefined, 0]);
  state = { ...state, phase: "live" };
  for (let look = 0; look < 4; look++) {
    version();
    await settled();
  }
  expect([version(), asked, known]).toEqual(["1.40.0", 2, 1]);
  state = { ...state, pid: 2 };
  expect(version()).toBeUndefined();
  await settled();
  expect([version(), asked]).toEqual(["1.41.2", 3]);
  state = { ...state, phase: "down" };
  expect(version()).toBeUndefined();
});
