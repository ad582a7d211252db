/** The ledger of two control planes on one Consul: each change under one name at both, acknowledged by the Envoys of both, and there after a kill. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { rotateRoot } from "@legation/consul/testing";
import type { LedgerAnswer, LedgerEntry, LedgerList, ProxyList } from "@legation/contract/api";
import { type ControlPlaneProcess, legationCommand, startControlPlane, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { limitMs, untilUsable, useMesh } from "./fixture.js";

const list = (plane: ControlPlaneProcess, query = "") => plane.get<LedgerList>(`/api/ledger?limit=1000${query}`);

const legation = (plane: ControlPlaneProcess, ...args: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [legationCommand, ...args, "--api", plane.api], { timeout: 60_000 }, (error, out, err) =>
      error ? reject(new Error(`${error.message}\n${err}`)) : resolve(out),
    );
  });

describe("the ledger of two control planes, each with a caller", () => {
  const state = useMesh({}, async (mesh) => {
    const two = await startControlPlane(mesh.sandbox, { name: "two", consul: mesh.consul.url });
    const orders = await mesh.startService({ name: "orders", controlPlanes: [mesh.controlPlane, two] });
    const web = await mesh.startService({ name: "web", id: "web-1", dependencies: ["orders"], controlPlanes: [mesh.controlPlane] });
    const admin = await mesh.startService({ name: "admin", id: "admin-1", dependencies: ["orders"], controlPlanes: [two] });
    for (const caller of [web, admin]) await untilUsable(caller, "orders", [orders]);
    return { one: mesh.controlPlane, two, web, admin, port: await mesh.sandbox.ports.free() };
  });

  const consul = async (path: string, body: object) => {
    const answer = await fetch(`${state().mesh.consul.url}/v1${path}`, { method: "PUT", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
  };

  /** The change that both tell alike, once it is over. */
  async function settled(query: string, wanted: (entry: LedgerEntry) => boolean): Promise<LedgerEntry> {
    const { one, two } = state();
    let found: LedgerEntry | undefined;
    await until(
      async (note) => {
        const [mine, theirs] = await Promise.all([list(one, query), list(two, query)]);
        note(mine.changes);
        found = mine.changes.findLast((entry) => wanted(entry) && entry.outcome !== "waiting");
        const same = theirs.changes.find(({ id }) => id === found?.id);
        return found !== undefined && same?.outcome === found.outcome && same.proxies.concerned === found.proxies.concerned;
      },
      { what: `a change with ${query} at both control planes`, limitMs },
    );
    if (!found) throw new Error("no change");
    expect(found.replicas.map((replica) => replica.state)).toEqual(["recorded", "recorded"]);
    return found;
  }

  it("has a registration, a health flip, a policy, an intention and another root, each under one name", async () => {
    const { mesh, one, two, port } = state();
    await consul("/agent/service/register", { Name: "orders", ID: "extra", Address: "127.0.0.1", Port: port });
    const registered = await settled("&service=orders&kind=registry", ({ what }) => what.includes("/extra registered"));
    expect(registered).toMatchObject({ outcome: "acknowledged", proxies: { concerned: 2, acknowledged: 2 }, laggards: [] });
    expect(registered.lastProxy).toMatch(/\/(web|admin)-1$/);
    expect(registered.acknowledgedMs?.last).toBeGreaterThanOrEqual(registered.sentMs?.first ?? Number.NaN);
    expect(registered.resources).toContain("endpoints orders");

    await consul("/agent/check/register", { Name: "disk", ID: "disk", ServiceID: "extra", TTL: "1h", Status: "critical" });
    const flipped = await settled("&kind=health", ({ what }) => /disk of .*\/extra: new → critical/.test(what));
    expect(flipped).toMatchObject({ outcome: "acknowledged", service: "orders", proxies: { acknowledged: 2 } });

    const file = join(mesh.sandbox.makeDir("policies"), "orders.yaml");
    writeFileSync(file, "apiVersion: legation/v1\nkind: Service\nname: orders\ntimeouts: { request: 20s }\n");
    await legation(two, "policy", "apply", "-f", file);
    const policy = await settled("&kind=policy", () => true);
    expect(policy).toMatchObject({ outcome: "acknowledged", what: expect.stringContaining("policies, version 1") });
    expect(policy.proxies.acknowledged).toBeGreaterThanOrEqual(2);

    await consul("/connect/intentions/exact?source=web&destination=orders", { SourceType: "consul", Action: "allow" });
    const intention = await settled("&kind=intention", () => true);
    expect(intention).toMatchObject({ service: "orders", what: expect.stringContaining("web → orders is new: allow") });

    await rotateRoot(mesh.consul.url);
    const root = await settled("&kind=certificate", () => true);
    expect(root).toMatchObject({ id: expect.stringMatching(/^certificate:\*:root-/), outcome: "nothing-to-send" });

    for (const plane of [one, two]) {
      const table = await legation(plane, "ledger", "--limit", "1000", "--json");
      const shown = (JSON.parse(table) as LedgerList).changes.map(({ id }) => id);
      for (const { id } of [registered, flipped, policy, intention, root]) expect(shown).toContain(id);
      for (const line of (await legation(plane, "ledger", "--service", "orders")).split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    }
    const metrics = await (await fetch(`${one.api}/metrics`)).text();
    expect(metrics).toMatch(/legation_change_acknowledged_seconds_count\{kind="registry"\} [1-9]/);
  });

  it("names a caller whose Envoy is frozen, and counts it once it goes on", async () => {
    const { one, admin } = state();
    const { envoy } = await admin.pids();
    const answered = await list(one, "&kind=health");
    process.kill(envoy, "SIGSTOP");
    try {
      await consul("/agent/check/pass/disk", {});
      let id = "";
      await until(
        async (note) => {
          const { changes } = await list(one, "&kind=health&service=orders");
          const entry = changes.findLast(({ what }) => /disk of .*critical → passing/.test(what));
          note(entry ?? answered);
          id = entry?.id ?? "";
          return entry?.outcome === "waiting" && entry.proxies.acknowledged === 1 && entry.proxies.waiting === 1;
        },
        { what: "the change to be acknowledged by all but one", limitMs },
      );
      const { change } = await one.get<LedgerAnswer>(`/api/ledger/${encodeURIComponent(id)}`);
      expect(change.laggards).toEqual([expect.stringMatching(/\/admin-1$/)]);
      expect(await legation(one, "ledger", "--id", id)).toMatch(/Waits for: \S+\/admin-1\./);
    } finally {
      process.kill(envoy, "SIGCONT");
    }
    const later = await settled("&kind=health&service=orders", ({ what }) => /disk of .*critical → passing/.test(what));
    expect(later.proxies.acknowledged + later.proxies.gone).toBe(2);
    expect(later.lastProxy).toMatch(/\/(web|admin)-1$/);
  });

  it("is there after a control plane was killed, and goes on under the same names", async () => {
    const { mesh, one, two } = state();
    const before = (await list(two)).changes;
    // What was seen in the moment before the kill may not be on disk; all of this is older.
    await until(
      async (note) => {
        const waiting = (await list(one)).changes.filter(({ proxies }) => proxies.waiting > 0);
        note(waiting);
        return waiting.length === 0;
      },
      { what: "no change to wait for a proxy", limitMs },
    );
    await one.kill9();
    const alone = await list(two);
    expect(alone.silent).toEqual([expect.stringContaining(new URL(one.api).host)]);
    expect(alone.changes.find(({ what }) => what.includes("/extra registered"))?.outcome).toBe("unknown");
    await one.restart();
    await until(async () => (await list(two)).silent.length === 0 && (await list(one)).changes.length >= before.length, {
      what: "both control planes to answer again",
      limitMs,
    });
    const own = new URL(one.api).host;
    const kept = (await list(one)).changes.filter(({ replicas }) => replicas.some((r) => r.replica === own && r.state === "recorded"));
    expect(kept.map(({ id }) => id)).toEqual(expect.arrayContaining(before.slice(0, -1).map(({ id }) => id)));
    await until(
      async (note) => {
        const { proxies } = await one.get<ProxyList>("/api/proxies?service=web");
        note(proxies);
        return proxies.some(({ state }) => state === "up-to-date");
      },
      { what: "the caller of the one that was killed to come back", limitMs },
    );
    const port = await mesh.sandbox.ports.free();
    await consul("/agent/service/register", { Name: "orders", ID: "extra-2", Address: "127.0.0.1", Port: port });
    const registered = await settled("&service=orders&kind=registry", ({ what }) => what.includes("/extra-2 registered"));
    expect(registered).toMatchObject({ outcome: "acknowledged", proxies: { acknowledged: 2 } });
  });
});
