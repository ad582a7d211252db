/** A full disk under the agent's state: the agent goes on serving and says it, and all is as before once there is room again. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Mesh, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, load, passing, untilHealthy, untilUsable, useMesh } from "./fixture.js";

/** Why no file system can be mounted here; undefined when one can. */
function refusal(): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), "legation-mount-"));
  try {
    mount(dir);
    execFileSync("umount", [dir], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return (error as Error).message.trim();
  } finally {
    rmdirSync(dir);
  }
}

function mount(dir: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", dir], { stdio: "pipe" });
}

/** Puts a small file system under the state of an instance that is not started yet. */
function smallState({ sandbox }: Mesh, id: string): void {
  const dir = join(sandbox.dir, "agents", id);
  mkdirSync(dir, { recursive: true });
  mount(dir);
  // An agent that is killed may hold it for a moment: it goes away with its last user.
  sandbox.onStop(() => void execFileSync("umount", ["--lazy", dir]));
}

/** Writes until nothing more fits. */
function fill(file: string): void {
  for (const size of [64 * 1024, 4 * 1024, 1]) {
    try {
      for (let n = 0; n < 4_096; n++) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}

const refused = refusal();
if (refused !== undefined) console.warn(`the full disk is not tried: mounting a small file system needs root (${refused})`);

describe.skipIf(refused !== undefined)("a full disk", () => {
  const state = useMesh({}, async (mesh) => {
    smallState(mesh, "orders-1");
    const orders = [];
    for (const id of ["orders-1", "orders-2"]) orders.push(await mesh.startService({ name: "orders", id }));
    const web = await mesh.startService({ name: "web", dependencies: ["orders"] });
    await untilUsable(web, "orders", orders);
    return { orders, web };
  });

  it("does not stop the instance, which says it, restarts its service all the same, and leaves in order", async () => {
    const { mesh, orders, web } = state();
    const [first] = orders;
    if (!first) throw new Error("two instances were started");
    const logged = (event: string) => readFileSync(first.log, "utf8").includes(`"${event}"`);
    const traffic = load(web, "orders");
    const filling = join(first.stateDir, "filling");
    fill(filling);

    await first.kill9("app");
    await until(() => logged("agent.state-unwritten"), { what: "the agent to say that its state cannot be written", limitMs });
    await until(() => passing(mesh, "orders", first.id), { what: "orders-1 to pass again", limitMs });
    await untilHealthy(web, "orders", orders);

    rmSync(filling);
    await first.ask("POST", "/v1/drain");
    await first.ask("POST", "/v1/undrain");
    await until(() => logged("agent.state-written"), { what: "the agent to say that its state is written again", limitMs });
    await untilHealthy(web, "orders", orders);

    fill(filling);
    expect(await first.stop()).toBe(0);
    rmSync(filling);
    await first.restart();
    await untilHealthy(web, "orders", orders);
    expect((await traffic.stop()).failuresByReason).toEqual({});
  });
});
