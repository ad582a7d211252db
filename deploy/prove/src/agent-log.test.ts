import { appendFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { followAgentLog } from "./agent-log.js";
import { stepsOf } from "./departure.js";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "legation-"));
});
afterEach(() => rm(dir, { recursive: true }));

describe("an agent's log", () => {
  it("is read from where it ended, a line that comes in two parts too, and without what is no event", async () => {
    const path = join(dir, "agent.log");
    await writeFile(path, '{"event":"old"}\n');
    const log = await followAgentLog(path);
    await appendFile(path, 'Debugger attached\n{"event":"leave.step","step":"1","outc');
    const seen = log.event("step 1", (e) => e.event === "leave.step", 5_000);
    await appendFile(path, 'ome":"accepted","ms":12,"time":"2026-01-01T00:00:00.000Z"}\n');
    expect((await seen)["outcome"]).toBe("accepted");
    await appendFile(path, '{"event":"agent.stopped"}\n');
    await log.close();
    expect(log.events.map(({ event }) => event)).toEqual(["leave.step", "agent.stopped"]);
    expect(stepsOf(log.events)).toEqual([{ step: "1", outcome: "accepted", ms: 12, at: Date.UTC(2026, 0, 1) }]);
  });

  it("tells what was not logged in time", async () => {
    const path = join(dir, "agent.log");
    await writeFile(path, "");
    const log = await followAgentLog(path);
    await expect(log.event("the end of step 2", () => false, 20)).rejects.toThrow(
      /agent.log: the end of step 2 was not logged within 0.02 s/,
    );
    await log.close();
  });
});
