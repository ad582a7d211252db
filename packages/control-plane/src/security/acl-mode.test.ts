import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, systemClock } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createFakeAcl } from "../testing/access.js";
import { until } from "../testing/until.js";
import { createAclMode, modeTimes } from "./acl-mode.js";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "legation-mode-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const log = createLogger({ name: "t", level: "fatal", destination: { write: () => undefined } });
const path = () => join(directory, "acl-mode");

test("it is what Consul says, told once, and remembered over a restart without Consul", async () => {
  const acl = createFakeAcl({});
  const told: string[] = [];
  const first = await createAclMode({ acl, path: path(), onChange: (mode) => told.push(mode), clock: systemClock, log });
  expect(first.known).toBe("unknown");
  first.start();
  expect(await first.current()).toBe("on");
  await until("the file", async () => (await readFile(path(), "utf8")) === "on\n");
  await first.stop();
  acl.answers = false;
  const second = await createAclMode({ acl, path: path(), onChange: (mode) => told.push(mode), clock: systemClock, log });
  second.start();
  expect(await second.current()).toBe("on");
  await second.stop();
  expect(told).toEqual(["on"]);
});

test("it is asked until Consul answers, and a Consul that gets ACLs later is noticed", async () => {
  const clock = createTestClock();
  const acl = createFakeAcl({});
  acl.answers = false;
  const told: string[] = [];
  const mode = await createAclMode({ acl, path: path(), onChange: (now) => told.push(now), clock, log });
  mode.start();
  const asked = mode.current();
  await clock.advance(10_000);
  expect(await asked).toBe("unknown");
  mode.disabled();
  expect(mode.known).toBe("off");
  acl.answers = true;
  await clock.advance(modeTimes.renew);
  expect(mode.known).toBe("on");
  expect(told).toEqual(["off", "on"]);
  await mode.stop();
});
