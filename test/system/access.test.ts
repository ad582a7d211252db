/** Who may change which policies within which bounds, by the names that a real Consul has for the author's token. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { legationCommand, until } from "@legation/local";
import { describe, expect, test, vi } from "vitest";
import { consulVersions, limitMs, useMesh } from "./fixture.js";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const team = `
key "legation/policies/Service/orders" { policy = "write" }
key_prefix "legation/policies/" { policy = "read" }
`;
const operator = 'key_prefix "legation/policies/" { policy = "write" }';
const orders = (request: string) => ({ apiVersion: "legation/v1", kind: "Service", name: "orders", timeouts: { request } });
const bounds = (to: string) => ({
  apiVersion: "legation/v1",
  kind: "Access",
  name: "orders-team",
  kinds: ["Service"],
  services: ["orders"],
  allow: { to: { policies: [to] }, bounds: { "timeouts.request": { max: "30s" } } },
});

/** Runs the command; resolves to its exit code and all that it wrote. */
function legation(args: readonly string[], env: Readonly<Record<string, string>>): Promise<{ code: number; text: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [legationCommand, ...args], { env: { PATH: process.env["PATH"] ?? "", ...env } }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, text: out + err }),
    );
  });
}

describe.each(consulVersions)("on Consul %s with ACLs and default deny", (version) => {
  const scene = useMesh({ consul: { version, acl: true } }, async ({ acl }) => {
    if (!acl) throw new Error("the mesh has no ACLs");
    const tokens = { team: await acl.custom("team-orders", team), operator: await acl.custom("mesh-operators", operator) };
    return { tokens };
  });

  async function apply(
    by: "team" | "operator",
    body: object,
  ): Promise<{ status: number; code?: string; detail?: string; version?: number }> {
    const { mesh, tokens } = scene();
    const answer = await fetch(`${mesh.controlPlane.api}/api/policies/apply`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-consul-token": tokens[by] },
      body: JSON.stringify(body),
    });
    return { ...((await answer.json()) as object), status: answer.status };
  }

  /** Waits until the answer is this one: a control plane that has just started has not asked Consul yet. */
  const applied = (by: "team" | "operator", body: object, status: number) =>
    until(
      async (note) => {
        const answer = await apply(by, body);
        note(answer);
        return answer.status === status && answer;
      },
      { what: `${by} to be answered ${status}`, limitMs },
    );

  test("a team sets its own service's timeout up to its bound, nobody else's, and an operator with all rights mends everything", async () => {
    await applied("operator", { documents: [bounds("team-orders")] }, 200);
    await applied("team", { documents: [orders("30s")] }, 200);
    for (const dryRun of [true, false])
      expect(await applied("team", { documents: [orders("31s")], dryRun }, 403)).toMatchObject({
        code: "policy.not-allowed",
        detail: expect.stringContaining('Service/orders: timeouts.request: "31s", and at most 30s is allowed, by Access/orders-team'),
      });
    expect(await apply("team", { documents: [{ ...orders("1s"), name: "payments" }] })).toMatchObject({
      status: 403,
      code: "access.denied",
    });
    expect(await apply("team", { documents: [bounds("team-orders")], remove: [] })).toMatchObject({ status: 403, code: "access.denied" });
    expect(await apply("operator", { documents: [orders("1h")] })).toMatchObject({ status: 200 });
    expect(await apply("team", { remove: ["Service/orders"] })).toMatchObject({ status: 200 });
  });

  test("whoever is not meant is refused at once when the rule names others", async () => {
    await applied("operator", { documents: [bounds("team-payments")] }, 200);
    await until(
      async (note) => {
        const answer = await apply("team", { documents: [orders("2s")] });
        note(answer);
        return answer.status === 403 && answer.detail?.includes("Access/orders-team allows ACL policy team-payments");
      },
      { what: "the team to be refused", limitMs },
    );
  });

  test("the command says the bound, and what is odd, and changes nothing", async () => {
    await applied("operator", { documents: [bounds("team-orders")] }, 200);
    const { mesh, tokens } = scene();
    const file = join(mesh.sandbox.makeDir("policies"), "orders.json");
    writeFileSync(file, JSON.stringify(orders("2m")));
    const told = await legation(["policy", "apply", "-f", file, "--api", mesh.controlPlane.api], { CONSUL_HTTP_TOKEN: tokens.team });
    expect(told).toMatchObject({ code: 5, text: expect.stringContaining("at most 30s is allowed, by Access/orders-team") });
    const checked = await legation(["policy", "check", "-f", file, "--live", "--api", mesh.controlPlane.api], {
      CONSUL_HTTP_TOKEN: tokens.team,
    });
    expect(checked).toMatchObject({ code: 0, text: expect.stringContaining("warning: Service/orders: name: orders is not registered") });
  });
});
