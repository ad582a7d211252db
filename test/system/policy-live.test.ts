/** How a change of policies goes live: planned, refused by Envoy and held back alone, and tried on few proxies first. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ControlPlaneProcess, legationCommand, startControlPlane, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { control, limitMs, load, untilUsable, useMesh } from "./fixture.js";

interface Listed {
  readonly bundle: { readonly version: number } | null;
  readonly documents: readonly { readonly name: string; readonly timeouts?: { readonly request: string } }[];
  readonly quarantined: readonly { readonly policies: readonly string[]; readonly message: string }[];
  readonly canary: { readonly version: number; readonly state: string; readonly verdict: string } | null;
}

/** Without certificates, which are not the subject. */
const plain = { config: { identity: { certificates: "off" } } };
const version = "apiVersion: legation/v1";
const timeout = (request: string) => `${version}\nkind: Service\nname: orders\ntimeouts: { request: ${request} }\n`;
const logged = (path: string) => `${version}\nkind: Service\nname: web\naccessLog: { path: ${path} }\n`;

describe("a change of policies", () => {
  const state = useMesh({}, async (mesh) => {
    const { sandbox, consul } = mesh;
    const two = await startControlPlane(sandbox, { consul: consul.url, name: "two" });
    const orders = await mesh.startService({ name: "orders", ...plain });
    const web = (id: string) => mesh.startService({ name: "web", id, dependencies: ["orders"], ...plain });
    const webs = [await web("web-1"), await web("web-2")];
    for (const web of webs) await untilUsable(web, "orders", [orders]);
    return { orders, web, webs, two, dir: sandbox.makeDir("policies") };
  });

  const legation = (
    plane: ControlPlaneProcess,
    ...args: string[]
  ): Promise<{ readonly code: number; readonly out: string; readonly err: string }> =>
    new Promise((resolve) => {
      execFile(
        process.execPath,
        [legationCommand, ...args, "--api", plane.api],
        { timeout: 120_000, env: { ...process.env, COLUMNS: "500" } },
        (error, out, err) => resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
      );
    });
  const file = (name: string, text: string): string => {
    const path = join(state().dir, name);
    writeFileSync(path, text);
    return path;
  };
  const list = (plane: ControlPlaneProcess) => plane.get<Listed>("/api/policies");
  const traffic = () => state().webs.map((web) => load(web, "orders", 40));
  const ended = async (loads: ReturnType<typeof traffic>) =>
    (await Promise.all(loads.map((one) => one.stop()))).map(({ failed }) => failed);

  it("is planned at all replicas with what each proxy would get, and nothing changes by that", async () => {
    const { mesh, two } = state();
    const teapot = `${version}\nkind: Route\nname: tea\nservice: orders\nrules: [{ match: { path: { prefix: /tea } }, respond: { status: 418 } }]\n`;
    const requests = ["GET http://orders/tea/1?q=1", "GET http://orders/x"].flatMap((request) => ["--request", request]);
    const path = file("plan.yaml", `${timeout("7s")}---\n${teapot}`);
    const planned = await legation(two, "policy", "plan", "-f", path, ...requests, "--from", "web");
    expect(planned).toMatchObject({ code: 0, err: "" });
    expect(planned.out).toContain("2 of 3 proxies get other resources.");
    expect(planned.out).toMatch(/^routes outbound changed, for 2 proxies: \S+\/web-1,\s+\S+\/web-2$/m);
    expect(planned.out).toMatch(/^-\s+timeout: 30s$/m);
    expect(planned.out).toMatch(/^\+\s+timeout: 7s$/m);
    expect(planned.out).toContain("1 of 2 requests goes elsewhere.");
    expect(planned.out).toMatch(
      /GET http:\/\/orders\/tea\/1\?q=1 from web[\s\S]* now: orders [\s\S]* then: 418 \(orders route Route\/tea#0\)/,
    );
    expect((await list(mesh.controlPlane)).bundle).toBeNull();
  });

  it("that Envoy refuses is held back alone, with its path and the last good version in force, also over a restart", async () => {
    const { mesh } = state();
    const { controlPlane } = mesh;
    expect((await legation(controlPlane, "policy", "apply", "-f", file("first.yaml", timeout("20s")))).code).toBe(0);
    const loads = traffic();
    const both = file("refused.yaml", `${logged("/nowhere/at/all/access.log")}---\n${timeout("21s")}`);
    const applied = await legation(controlPlane, "policy", "apply", "-f", both);
    expect(applied).toMatchObject({ code: 1, out: expect.stringContaining("Refused: Service/web: accessLog.path:") });
    expect(applied.out).toContain("Live on 3 of 3 proxies");
    expect((await list(controlPlane)).documents).toContainEqual(expect.objectContaining({ timeouts: { request: "21s" } }));
    const held = (planes: readonly ControlPlaneProcess[]) =>
      until(
        async (note) => {
          const all = (await Promise.all(planes.map(list))).flatMap(({ quarantined }) => quarantined);
          note(all);
          return all.length > 0 && all.every(({ policies }) => policies.join() === "Service/web: accessLog.path") ? all : undefined;
        },
        { what: "the refusal to be told with its path", limitMs },
      );
    await held([controlPlane, state().two]);
    expect((await legation(controlPlane, "proxies")).out).toContain("Quarantined: Service/web: accessLog.path:");
    const third = await state().web("web-3");
    await untilUsable(third, "orders", [state().orders]);
    await third.stop();
    await controlPlane.kill9();
    await controlPlane.restart();
    const kept = await held([controlPlane, state().two]);
    expect(kept.every(({ message }) => /nowhere/.test(message))).toBe(true);
    await until(async () => (await controlPlane.get<{ connected: number }>("/api/proxies")).connected === 3, {
      what: "three proxies",
      limitMs,
    });
    const mended = await legation(controlPlane, "policy", "apply", "-f", file("mended.yaml", logged(join(state().dir, "access.log"))));
    expect(mended).toMatchObject({ code: 0, out: expect.stringMatching(/Live on 3 of 3 proxies/) });
    for (const plane of [controlPlane, state().two]) expect((await list(plane)).quarantined).toEqual([]);
    expect(await ended(loads)).toEqual([0, 0]);
  });

  const canary = ["--canary", "--canary-window", "12s", "--canary-requests", "50", "--canary-limit", "100s"];

  it("goes back by itself from its canary when requests fail there, whoever asked for it, and no other proxy had it", async () => {
    const { mesh, orders, webs } = state();
    await control(orders, { delayMs: 300 });
    const loads = traffic();
    const before = await list(mesh.controlPlane);
    const applied = await legation(mesh.controlPlane, "policy", "apply", "-f", file("bad.yaml", timeout("100ms")), ...canary);
    expect(applied).toMatchObject({ code: 1, out: expect.stringMatching(/It went back: requests fail at the canary of web: \d+ of \d+;/) });
    const after = await list(state().two);
    expect([after.bundle, after.canary?.state]).toEqual([before.bundle, "withdrawn"]);
    const [first, second] = loads;
    expect((await second?.stop())?.failed).toBe(0);
    expect((await first?.stop())?.failed).toBeGreaterThan(0);
    const well = webs.map((web) => load(web, "orders", 20));
    await until(() => well.every((one) => one.report().succeeded >= 40), { what: "40 answers through each proxy", limitMs });
    expect((await Promise.all(well.map((one) => one.stop()))).map(({ failed }) => failed)).toEqual([0, 0]);
    expect((await legation(mesh.controlPlane, "policy", "history")).out).toContain("withdrawn");
    await control(orders, { delayMs: 0 });
  });

  it("goes to all when its canary holds, without the command that began it", async () => {
    const { mesh, two } = state();
    const loads = traffic();
    const begun = await legation(two, "policy", "apply", "-f", file("good.yaml", timeout("15s")), ...canary, "--no-wait");
    expect(begun).toMatchObject({ code: 4, out: expect.stringContaining("is a canary: Service/orders.") });
    expect((await list(two)).documents).not.toContainEqual(expect.objectContaining({ timeouts: { request: "15s" } }));
    const busy = await legation(mesh.controlPlane, "policy", "apply", "-f", file("other.yaml", timeout("16s")), ...canary);
    expect(busy).toMatchObject({ code: 1, err: expect.stringContaining("another canary runs") });
    const promoted = await until(
      async (note) => {
        const all = await Promise.all([mesh.controlPlane, two].map(list));
        note(all.map(({ canary }) => canary));
        return all.every(({ canary }) => canary?.state === "promoted") ? all : undefined;
      },
      { what: "the canary to be promoted", limitMs: 110_000 },
    );
    for (const { documents } of promoted) expect(documents).toContainEqual(expect.objectContaining({ timeouts: { request: "15s" } }));
    const { events } = await two.get<{ events: { type: string }[] }>("/api/events?type=canary");
    expect(events.map(({ type }) => type)).toEqual(expect.arrayContaining(["canary.started", "canary.promoted"]));
    expect(await ended(loads)).toEqual([0, 0]);
  });
});
