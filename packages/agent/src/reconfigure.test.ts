import type { IdentityMode } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, it } from "vitest";
import type { AgentConfig } from "./config/definition.js";
import type { Instance } from "./instance.js";
import { launchFor, reconfigure } from "./reconfigure.js";
import { configOf } from "./testing/definition.js";

const addresses = { admin: "127.0.0.1:1", inbound: "127.0.0.1:2", outbound: "127.0.0.1:3", envoyAdmin: "127.0.0.1:4" };

/** What a service is told as `HOST` when it is started under a mode. */
function hostTold(host: string, mode: IdentityMode | undefined): string | undefined {
  const plain = configOf(["--host", host]);
  // A machine with an address of its own.
  const service = host === "0.0.0.0" ? { ...plain.service, host: "10.0.0.9" } : plain.service;
  const config: AgentConfig = { ...plain, service, values: { ...plain.values, command: ["true"] } };
  const instance = {
    addresses,
    stateDir: { kept: mode ? { mode } : {}, file: (name: string) => `/nowhere/${name}` },
    clock: createTestClock(),
    log: createLogger({ name: "test", level: "silent" }),
  } as unknown as Instance;
  return launchFor(instance, config, {})?.launch.env["HOST"];
}

it.each([
  ["127.0.0.1", undefined, "127.0.0.1"],
  ["127.0.0.1", "strict", "127.0.0.1"],
  ["0.0.0.0", "strict", "127.0.0.1"],
  ["0.0.0.0", "permissive", "10.0.0.9"],
  ["0.0.0.0", undefined, "10.0.0.9"],
  ["10.0.0.7", "strict", "10.0.0.7"],
  ["10.0.0.7", "permissive", "10.0.0.7"],
] as const)("a service at %s, started under %s, is told to listen on %s", (host, mode, told) => {
  expect(hostTold(host, mode)).toBe(told);
});

it("a dependency's port that was picked for something else is refused while the service runs", () => {
  const config = configOf(["--dependencies", "db:3"]);
  const reread = { config, written: config.values, printed: "" };
  const changes = { now: ["dependencies"], service: [], agent: [] };
  const instance = { addresses, config, stateDir: { kept: {} } } as unknown as Instance;
  expect(() => reconfigure(instance, {}, () => {}, reread, changes)).toThrow(
    "dependencies: local port 3 of db is that of envoy.outbound too",
  );
});
