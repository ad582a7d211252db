/** Routes that lead callers to services which they never declared: there with the route, left without a loss, gone with it. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { legationCommand, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, load, untilUsable, useMesh } from "./fixture.js";

/** Without certificates, which are not the subject. */
const plain = { config: { identity: { certificates: "off" } } };
const route = (to: string) => `apiVersion: legation/v1\nkind: Route\nname: canary\nservice: orders\nrules:\n  - to: [${to}]\n`;

describe("a route to a service that its caller does not depend on", () => {
  const state = useMesh({}, async (mesh) => {
    const orders = await mesh.startService({ name: "orders", ...plain });
    const next = [];
    for (const id of ["next-1", "next-2"]) next.push(await mesh.startService({ name: "orders-next", id, ...plain }));
    const web = await mesh.startService({ name: "web", dependencies: ["orders"], ...plain });
    await untilUsable(web, "orders", [orders]);
    return { orders, next, web, dir: mesh.sandbox.makeDir("policies") };
  });

  const legation = (...args: string[]): Promise<{ readonly code: number; readonly out: string }> =>
    new Promise((resolve) => {
      const all = [legationCommand, "policy", ...args, "--api", state().mesh.controlPlane.api];
      execFile(process.execPath, all, { timeout: 120_000 }, (error, out, err) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, out: `${out}${err}` }),
      );
    });
  const apply = (to: string) => {
    const path = join(state().dir, "canary.yaml");
    writeFileSync(path, route(to));
    return legation("apply", "-f", path);
  };

  it("moves every request there and back, and loses none, nor when an instance leaves that only the route leads to", async () => {
    const { web, next } = state();
    const [first, second] = next;
    const traffic = load(web, "orders", 100);
    /** Who has answered the last requests: exactly these, and nobody else. */
    const answered = (...ids: string[]) =>
      until(
        async (note) => {
          const stretch = traffic.stretch();
          await until(() => stretch.report().succeeded >= 40, { what: "40 answers", limitMs });
          const { byInstance } = await stretch.end();
          note(byInstance);
          return ids.every((id) => (byInstance[id] ?? 0) > 0) && Object.keys(byInstance).every((id) => ids.includes(id));
        },
        { what: `answers of ${ids.join(", ")} alone`, limitMs },
      );
    const clusters = async () => [...(await web.envoy.clusters()).keys()];
    await answered(state().orders.id);
    expect(await clusters()).not.toContain("orders-next");

    expect(await apply("{ service: orders-next }")).toMatchObject({ code: 0, out: expect.stringMatching(/Live on 4 of 4 proxies/) });
    await answered("next-1", "next-2");
    expect(await clusters()).toContain("orders-next");

    await first?.stop();
    await answered("next-2");

    expect((await apply("{ service: orders, weight: 1 }, { service: orders-next, weight: 1 }")).code).toBe(0);
    await answered(state().orders.id, "next-2");

    expect((await legation("delete", "Route/canary")).code).toBe(0);
    await answered(state().orders.id);
    await until(async () => !(await clusters()).includes("orders-next"), { what: "the cluster to be gone", limitMs });
    await second?.stop();
    expect(await traffic.stop()).toMatchObject({ failed: 0, failuresByReason: {} });
  });
});
