/** Each row of the table "what Consul says → what EDS says", read off a real Envoy. Instances without an agent, as others register them. */
import { type EnvoyEndpoint, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { consulVersions, limitMs, useMesh } from "./fixture.js";

describe.each(consulVersions)("on Consul %s", (version) => {
  const state = useMesh({ consul: { version } }, async (mesh) => {
    const web = await mesh.startService({ name: "web", dependencies: ["plain?"] });
    const put = async (path: string, body?: unknown) => {
      const answer = await fetch(`${mesh.consul.url}${path}`, { method: "PUT", ...(body ? { body: JSON.stringify(body) } : {}) });
      if (!answer.ok) throw new Error(`PUT ${path}: ${answer.status} ${await answer.text()}`);
    };
    const register = (id: string, port: number, status?: string) =>
      put("/v1/agent/service/register", {
        ID: id,
        Name: "plain",
        Address: "127.0.0.9",
        Port: port,
        Weights: { Passing: 5, Warning: 2 },
        ...(status ? { Check: { CheckID: `${id}-check`, TTL: "1h", Status: status } } : {}),
      });
    const set = (id: string, verdict: "pass" | "warn" | "fail") => put(`/v1/agent/check/${verdict}/${id}-check?note=${verdict}`);
    const at = async (port: number): Promise<EnvoyEndpoint | undefined> =>
      ((await web.envoy.clusters()).get("plain") ?? []).find((e) => e.address === `127.0.0.9:${port}`);
    return { put, register, set, at };
  });

  const untilSeen = async (port: number, wanted: Partial<EnvoyEndpoint> | "absent") => {
    await until(
      async (note) => {
        const seen = await state().at(port);
        note(seen ?? "absent");
        if (wanted === "absent") return seen === undefined;
        return seen !== undefined && Object.entries(wanted).every(([key, value]) => seen[key as keyof EnvoyEndpoint] === value);
      },
      { what: `port ${port} to be ${JSON.stringify(wanted)}`, limitMs },
    );
  };

  it("leaves out an instance that never passed, and takes it in at its first pass", async () => {
    const { register, set, at } = state();
    await register("anchor", 7001);
    await untilSeen(7001, { health: "HEALTHY", weight: 5 });
    await register("young", 7002, "critical");
    await register("later", 7003, "passing");
    await untilSeen(7003, { health: "HEALTHY" });
    expect(await at(7002)).toBeUndefined();
    await set("young", "pass");
    await untilSeen(7002, { health: "HEALTHY", weight: 5 });
  });

  it("shows passing as HEALTHY with the passing weight, warning with the warning weight", async () => {
    const { register, set } = state();
    await register("flips", 7004, "passing");
    await untilSeen(7004, { health: "HEALTHY", weight: 5 });
    await set("flips", "warn");
    await untilSeen(7004, { health: "HEALTHY", weight: 2 });
    await set("flips", "pass");
    await untilSeen(7004, { health: "HEALTHY", weight: 5 });
  });

  it("shows critical as UNHEALTHY", async () => {
    await state().set("flips", "fail");
    await untilSeen(7004, { health: "UNHEALTHY", usable: false });
    await state().set("flips", "pass");
    await untilSeen(7004, { health: "HEALTHY", usable: true });
  });

  it("shows maintenance as DRAINING, and takes it back", async () => {
    await state().put("/v1/agent/service/maintenance/flips?enable=true&reason=test");
    await untilSeen(7004, { health: "DRAINING", usable: false });
    await state().put("/v1/agent/service/maintenance/flips?enable=false");
    await untilSeen(7004, { health: "HEALTHY" });
  });

  it("removes what is gone", async () => {
    await state().put("/v1/agent/service/deregister/flips");
    await untilSeen(7004, "absent");
    await untilSeen(7001, { health: "HEALTHY" });
  });

  it("takes a changed weight over", async () => {
    await state().put("/v1/agent/service/register", {
      ID: "anchor",
      Name: "plain",
      Address: "127.0.0.9",
      Port: 7001,
      Weights: { Passing: 9, Warning: 1 },
    });
    await untilSeen(7001, { health: "HEALTHY", weight: 9 });
  });

  it("harms nobody with an instance on port 0, or on a host name that does not resolve", async () => {
    const { put } = state();
    await put("/v1/agent/service/register", { ID: "portless", Name: "plain", Address: "127.0.0.9", Port: 0 });
    await put("/v1/agent/service/register", { ID: "named", Name: "elsewhere", Address: "no-such-host.invalid", Port: 7009 });
    await state().register("witness", 7010, "passing");
    await untilSeen(7010, { health: "HEALTHY" });
    await untilSeen(7001, { health: "HEALTHY" });
  });
});
