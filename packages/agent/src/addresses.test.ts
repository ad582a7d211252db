import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { pickAddresses } from "./addresses.js";
import { identify } from "./process/identity.js";
import { openStateDir } from "./state-dir.js";
import { configOf } from "./testing/definition.js";

const directory = mkdtempSync(join(tmpdir(), "legation-addresses-"));
const holder = createServer();
afterEach(() => {
  holder.close();
  rmSync(directory, { recursive: true, force: true });
});

it("stay with an Envoy that lives on, also where only the record of the one before a hot restart was left", async () => {
  const port = await new Promise<number>((resolve) => {
    holder.listen(0, "127.0.0.1", () => resolve((holder.address() as { port: number }).port));
  });
  const stateDir = openStateDir(directory);
  const base = configOf();
  const config = { ...base, inbound: "127.0.0.1:0" };
  stateDir.keep({ ports: { inbound: port } });
  expect((await pickAddresses(config, stateDir)).inbound).not.toBe(`127.0.0.1:${port}`);
  stateDir.keep({ ports: { inbound: port } });
  writeFileSync(stateDir.file("envoy-parent.json"), JSON.stringify(identify(process.pid)));
  expect((await pickAddresses(config, stateDir)).inbound).toBe(`127.0.0.1:${port}`);
  stateDir.close();
});
