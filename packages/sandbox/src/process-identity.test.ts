import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { identify, isAlive, signal } from "./process-identity.js";

describe("the identity of a process", () => {
  it("is found while it lives, and ends with it", async () => {
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"], { stdio: "ignore" });
    await once(child, "spawn");
    const identity = identify(child.pid ?? 0);
    expect(identity && isAlive(identity)).toBe(true);
    expect(identity && signal(identity, "SIGKILL")).toBe(true);
    await once(child, "exit");
    expect(identity && isAlive(identity)).toBe(false);
    expect(identity && signal(identity, "SIGKILL")).toBe(false);
  });

  it("is not that of another process which got the same pid", () => {
    const own = identify(process.pid);
    expect(own && isAlive({ ...own, startTime: `${own.startTime}1` })).toBe(false);
    expect(own && signal({ ...own, startTime: `${own.startTime}1` }, "SIGKILL")).toBe(false);
  });
});
