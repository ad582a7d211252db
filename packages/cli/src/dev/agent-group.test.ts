import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestClock } from "@legation/runtime/testing";
import type { Child, Exit, Sandbox } from "@legation/sandbox";
import { afterAll, expect, it } from "vitest";
import { startGroup } from "./agent-group.js";
import { readServices } from "./service-file.js";

const dir = mkdtempSync(join(tmpdir(), "legation-group-"));
const file = join(dir, "web.yaml");
afterAll(() => rmSync(dir, { recursive: true }));

/** Agents that run until they are stopped, and end only when they are let go. */
function fakeSandbox() {
  const agents: { readonly args: readonly string[]; stopping: boolean; end(): void; exit: Exit | undefined }[] = [];
  const sandbox = {
    makeDir: () => mkdtempSync(join(dir, "state-")),
    ports: { free: async () => 4_000 },
    async start({ args }: { readonly args: readonly string[] }) {
      let end = (): void => {};
      const exited = new Promise<Exit>((resolve) => {
        end = () => {
          agent.exit = { code: 0, signal: null };
          resolve(agent.exit);
        };
      });
      const agent = { args, stopping: false, end: () => end(), exit: undefined as Exit | undefined };
      agents.push(agent);
      const child: Partial<Child> = {
        log: "",
        get exit() {
          return agent.exit;
        },
        async stop() {
          agent.stopping = true;
          return await exited;
        },
      };
      return child as Child;
    },
  };
  return { sandbox: sandbox as unknown as Sandbox, agents };
}

it("starts one agent at a time, however often its file changes meanwhile, and follows the last change, also in what the file decides itself", async () => {
  const text = "name: web\nport: 4280\n";
  writeFileSync(file, text);
  const { sandbox, agents } = fakeSandbox();
  const clock = createTestClock();
  const told: string[] = [];
  const [group] = readServices([file]);
  if (!group) throw new Error("there is no group");
  const run = {
    sandbox,
    group,
    clock,
    consul: "http://127.0.0.1:1",
    controlPlane: { xds: "x", api: "y" },
    envoy: undefined,
    command: "legation",
  };
  const running = await startGroup({ ...run, tell: (words) => told.push(words) });
  const changed = async (more = "# changed"): Promise<void> => {
    writeFileSync(file, `${text}${more}\n`);
    await expect.poll(() => clock.pending, { timeout: 10_000 }).toBe(1);
    await clock.advance(250);
  };

  await changed();
  expect(agents[0]?.stopping).toBe(true);
  await changed();
  await changed("id: mine\nadmin: 127.0.0.1:4290");
  expect(agents).toHaveLength(1);
  agents[0]?.end();
  await expect.poll(() => agents[1]?.stopping, { timeout: 10_000 }).toBe(true);
  agents[1]?.end();
  await expect.poll(() => agents.length, { timeout: 10_000 }).toBe(3);

  // What the file says itself from now on is no flag any more.
  const flags = agents.map(({ args }) => args.filter((word) => word === "--id" || word === "--admin-addr" || word === "--inbound-addr"));
  expect(flags).toEqual([["--admin-addr", "--inbound-addr", "--id"], ["--admin-addr", "--inbound-addr", "--id"], ["--inbound-addr"]]);

  await changed();
  const stopped = running.stop();
  agents[2]?.end();
  await stopped;
  expect(agents).toHaveLength(3);
  expect(told).toEqual([]);
});
