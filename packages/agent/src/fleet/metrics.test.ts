import { freePorts } from "@legation/consul/testing";
import { expect, onTestFinished, test } from "vitest";
import { type FleetApiParts, startFleetApi } from "./api.js";

const access = { token: "t", tokenFile: "admin.json" };
const parts: FleetApiParts = {
  view: () => {
    throw new Error("nobody asks");
  },
  reload: () => Promise.reject(new Error("nobody asks")),
};

test("an agent with many services serves its metrics page elsewhere too, without a token", async () => {
  const [at, metricsAt] = await freePorts(2);
  const api = await startFleetApi(`127.0.0.1:${at}`, parts, access, `127.0.0.1:${metricsAt}`);
  onTestFinished(() => api.close());
  expect((await fetch(`http://127.0.0.1:${metricsAt}/metrics`)).status).toBe(200);
  expect((await fetch(`http://127.0.0.1:${metricsAt}/v1/services`)).status).toBe(404);
});

test("an API that cannot listen leaves no metrics page behind", async () => {
  const [at, metricsAt] = await freePorts(2);
  const api = await startFleetApi(`127.0.0.1:${at}`, parts, access);
  onTestFinished(() => api.close());
  await expect(startFleetApi(`127.0.0.1:${at}`, parts, access, `127.0.0.1:${metricsAt}`)).rejects.toThrow("--admin-addr");
  await expect(fetch(`http://127.0.0.1:${metricsAt}/metrics`)).rejects.toThrow("fetch failed");
});
