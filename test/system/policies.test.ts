/** Policies from the command line into Consul's KV and into force at every replica, and what tampering, killing and outages do to them. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ControlPlaneProcess, legationCommand, startControlPlane, until } from "@legation/local";
import { describe, expect, it } from "vitest";
import { consulVersions, limitMs, useMesh } from "./fixture.js";

interface Listed {
  readonly bundle: { readonly id: string; readonly version: number } | null;
  readonly documents: readonly { readonly kind: string; readonly name: string; readonly mode?: string; readonly authorization?: string }[];
  readonly problem: { readonly code: string; readonly message: string } | null;
}

/** Runs `legation` and resolves to its exit code and what it wrote. */
function legation(...args: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [legationCommand, ...args], { timeout: limitMs }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
    );
  });
}

const identity = (mode: string, service?: string) =>
  `apiVersion: legation/v1\nkind: Identity\nname: ${service ?? "mesh"}\n${service ? `service: ${service}\n` : ""}mode: ${mode}\n`;
const guard = "apiVersion: legation/v1\nkind: Access\nname: guard\nkinds: [Identity]\napprovals: { keys: [ann, bob], required: 2 }\n";

describe.each(consulVersions)("on Consul %s", (version) => {
  const state = useMesh({ consul: { version, durable: true } }, async ({ sandbox, consul, controlPlane }) => {
    await controlPlane.stop();
    const dir = sandbox.makeDir("operators");
    const lines: string[] = [];
    for (const name of ["ann", "bob"]) lines.push((await legation("policy", "keygen", join(dir, `${name}.key`))).out);
    const keys = join(dir, "keys");
    writeFileSync(keys, lines.join(""));
    const run = (name: string) => startControlPlane(sandbox, { consul: consul.url, name, flags: ["--approval-keys", keys] });
    return { dir, one: await run("one"), two: await run("two") };
  });

  const file = (name: string, text: string): string => {
    const path = join(state().dir, name);
    writeFileSync(path, text);
    return path;
  };
  const apply = (plane: ControlPlaneProcess, path: string) => legation("policy", "apply", "-f", path, "--api", plane.api, "--json");
  const kv = async (key: string, value?: string | Buffer) => {
    const url = `${state().mesh.consul.url}/v1/kv/legation/policies/${key}`;
    const answer = await fetch(value === undefined ? `${url}?raw` : url, value === undefined ? {} : { method: "PUT", body: value });
    return Buffer.from(await answer.arrayBuffer());
  };
  const agreed = async (check: (listed: Listed) => boolean, planes = [state().one, state().two]) =>
    until(
      async (note) => {
        const found = await Promise.all(planes.map((plane) => plane.get<Listed>("/api/policies")));
        note(found);
        return found.every(check) ? found[0] : undefined;
      },
      { what: "the replicas to agree", limitMs },
    );

  /** Waits until both replicas have what the head of the store names now; a replica that starts has what it had before. */
  const current = () =>
    until(
      async (note) => {
        const { bundle } = JSON.parse((await kv("head")).toString() || "{}") as { bundle?: string };
        const found = await Promise.all([state().one, state().two].map((plane) => plane.get<Listed>("/api/policies")));
        note({ bundle, found: found.map((listed) => [listed.bundle, listed.problem]) });
        return found.every((listed) => listed.bundle?.id === bundle && listed.problem === null) ? found[0] : undefined;
      },
      { what: "the replicas to have the live bundle", limitMs },
    );

  it("what is applied at one replica is in force at both, and the command says so", async () => {
    const { one, two } = state();
    const applied = await apply(one, file("a.yaml", `${identity("off")}---\n${identity("permissive", "orders")}`));
    expect(applied.code, applied.err).toBe(0);
    expect(JSON.parse(applied.out)).toMatchObject({ state: "accepted", version: 1, liveness: { replicas: 2, inForce: 2, silent: [] } });
    await agreed(({ bundle, problem }) => bundle?.version === 1 && problem === null);
    expect((await legation("policy", "list", "--api", two.api)).out).toContain("Identity  orders");
    expect((await legation("policy", "delete", "Identity/orders", "--api", two.api)).code).toBe(0);
    expect((await legation("policy", "diff", "1", "--api", one.api)).out).toContain('Identity/orders removed\n  - service: "orders"');
    expect((await legation("policy", "rollback", "1", "--api", two.api)).out).toContain("Version 3 is accepted: Identity/orders.");
    expect((await legation("policy", "history", "--json", "--api", one.api)).out).toContain('"version": 3');
  });

  it("whatever is tampered with in the store is refused by both, told as a security event, and mended without a restart", async () => {
    const { one, two } = state();
    const before = await agreed(({ bundle }) => bundle?.version === 3);
    const head = await kv("head");
    const { bundle } = JSON.parse(head.toString()) as { bundle: string };
    const manifest = JSON.parse((await kv(`blobs/${bundle}`)).toString()) as Record<string, unknown>;
    const forged = Buffer.from(JSON.stringify({ ...manifest, version: 4 }));
    await kv(`blobs/${"0".repeat(64)}`, forged);
    await kv("head", JSON.stringify({ format: "legation-head/1", bundle: "0".repeat(64) }));
    const after = await agreed(({ problem }) => problem?.code === "policy.tampered");
    expect(after.documents).toEqual(before.documents);
    for (const plane of [one, two]) expect(JSON.stringify(await plane.get("/api/security-events"))).toContain('"kind":"bundle-tampered"');
    await kv("head", head);
    await agreed(({ problem }) => problem === null);
  });

  it("a control plane killed in the middle of applying leaves the old policies or the new ones, whole", async () => {
    const { one } = state();
    const contents = ["off", "permissive", "strict"].flatMap((mode) =>
      ["enforce", "shadow", "off"].map((authorization) => ({ mode, authorization })),
    );
    const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
    const blobs = async () => {
      const answer = await fetch(`${state().mesh.consul.url}/v1/kv/legation/policies/blobs/?keys`);
      return answer.ok ? ((await answer.json()) as string[]).length : 0;
    };
    let live = "";
    for (const [round, content] of contents.slice(0, 5).entries()) {
      const documents = names.map((name) => ({ apiVersion: "legation/v1", kind: "Identity", name, service: name, ...content }));
      const before = await blobs();
      let answer: string | undefined;
      const asked = fetch(`${one.api}/api/policies/apply`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ documents, author: "round", reason: String(round) }),
      })
        .then(async (reply) => {
          answer = `${reply.status} ${await reply.text()}`;
        })
        .catch(() => {
          answer = "died";
        });
      // From the first blob to the last one, and the manifest.
      const written = before + 1 + round * 10;
      await until(async () => answer !== undefined || (await blobs()) >= written, { what: `${written} blobs`, limitMs });
      await one.kill9();
      await asked;
      expect(answer).toMatch(/^(200|died)/);
      await one.restart();
      const found = await current();
      const mine = found.documents.filter(({ name }) => names.includes(name)).map(({ mode, authorization }) => `${mode} ${authorization}`);
      const wanted = `${content.mode} ${content.authorization}`;
      const whole = new Set(mine);
      expect([0, names.length]).toContain(mine.length);
      expect([live, wanted]).toContain([...whole].join());
      expect(whole.size).toBeLessThanOrEqual(1);
      live = [...whole][0] ?? "";
    }
  });

  it("what is guarded goes live with the signatures of two operators alone, each given at another replica", async () => {
    const { one, two, dir } = state();
    const version = (await current()).bundle?.version ?? 0;
    const path = file("strict.yaml", `${guard}---\n${identity("strict")}`);
    const waits = await apply(one, path);
    expect(waits.code).toBe(4);
    const { proposal } = JSON.parse(waits.out) as { proposal: string };
    const sign = (name: string, plane: ControlPlaneProcess, ...what: string[]) =>
      legation("policy", "sign", ...what, "--key", join(dir, `${name}.key`), "--api", plane.api);
    expect((await sign("ann", one, proposal)).out).toContain("Still: ");
    expect((await legation("policy", "apply", proposal, "--api", two.api)).code).toBe(4);
    // The signature is for all guarded documents, and so are the files.
    const others = (await current()).documents.filter(({ name }) => name !== "mesh");
    const rest = file("others.json", JSON.stringify(others));
    expect((await sign("bob", two, "-f", path, "-f", rest)).out).toContain(`Enough: legation policy apply ${proposal}`);
    const old = await kv("head");
    expect((await legation("policy", "apply", proposal, "--api", two.api)).code).toBe(0);
    await agreed(({ bundle }) => bundle?.version === version + 1);
    expect((await apply(two, file("off.yaml", identity("off")))).code).toBe(4);
    expect((await legation("policy", "delete", "Access/guard", "--api", one.api)).code).toBe(4);
    expect((await legation("policy", "rollback", String(version), "--api", one.api)).code).toBe(4);
    const live = await kv("head");
    await kv("head", old);
    const kept = await agreed(({ problem }) => problem?.code === "policy.unapproved");
    expect(kept.documents).toContainEqual(expect.objectContaining({ name: "mesh", mode: "strict" }));
    await kv("head", live);
    await agreed(({ bundle, problem }) => bundle?.version === version + 1 && problem === null);
  });

  it("without Consul a restarted control plane has the same policies", async () => {
    const { one, mesh } = state();
    const before = await one.get<Listed>("/api/policies");
    await mesh.consul.stop();
    await one.restart();
    const after = await agreed(({ problem }) => problem?.code === "policy.unreachable", [one]);
    expect([after.bundle, after.documents]).toEqual([before.bundle, before.documents]);
    await mesh.consul.restart({ keepData: true });
    await agreed(({ bundle, problem }) => bundle?.id === before.bundle?.id && problem === null);
  });

  it("files of a directory are followed; a wrong one is named and changes nothing", async () => {
    const { mesh } = state();
    const directory = mesh.sandbox.makeDir("policies");
    const path = join(directory, "mesh.yaml");
    writeFileSync(path, identity("permissive"));
    const plane = await startControlPlane(mesh.sandbox, { consul: mesh.consul.url, name: "files", flags: ["--policies", directory] });
    const mode = (wanted: string) => (listed: Listed) => listed.documents[0]?.mode === wanted;
    await agreed(mode("permissive"), [plane]);
    writeFileSync(path, identity("stict"));
    const bad = await agreed(({ problem }) => problem !== null, [plane]);
    expect(bad.problem?.message).toContain(`${path}:4: Identity/mesh: mode: "stict" is none of off, permissive, strict`);
    expect(mode("permissive")(bad)).toBe(true);
    writeFileSync(path, identity("strict"));
    await agreed((listed) => mode("strict")(listed) && listed.problem === null, [plane]);
    expect((await apply(plane, path)).err).toContain(`are the files in ${directory}. Change them there`);
    expect(readFileSync(join(plane.stateDir, "policies.json"), "utf8")).toContain('"mode":"strict"');
    await plane.stop();
  });
});
