/** `legation explain` and `GET /api/explain` against a running mesh with faults put into it: at both replicas, and as a real Envoy behaves. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { Explanation, FlagExplanation } from "@legation/contract/api";
import { answeredBy, legationCommand, openSandbox, startControlPlane, until, untilMode, writeIdentity } from "@legation/local";
import { describe, expect, it } from "vitest";
import { control, limitMs, untilUsable, useMesh } from "./fixture.js";

const head = "apiVersion: legation/v1\n";
const policies = (log: string) => `${head}kind: MeshDefaults
name: mesh
accessLog: { path: ${log} }
---
${head}kind: Service
name: orders
subsets: { v1: { version: "1" }, v9: { version: "9" } }
circuitBreaker: { failureThreshold: 3, recoveryTimeout: 10m }
---
${head}kind: Route
name: orders
service: orders
rules:
  - match: { path: { exact: /teapot } }
    fault: { abort: { status: 418 } }
  - match: { path: { prefix: /nobody } }
    to: [{ subset: v9 }]
  - match: { path: { prefix: /one } }
    to: [{ subset: v1 }]
`;

describe("an explanation", () => {
  const sandbox = openSandbox();
  const directory = join(sandbox.dir, "policies");
  const log = join(sandbox.dir, "access.log");
  const flags = ["--policies", directory];
  const state = useMesh(
    () => {
      mkdirSync(directory);
      writeFileSync(join(directory, "traffic.yaml"), policies(log));
      writeIdentity(directory, { mode: "strict" });
      return { sandbox, controlPlane: { flags } };
    },
    async (mesh) => {
      const other = await startControlPlane(sandbox, { consul: mesh.consul.url, name: "two", flags });
      const started = [
        mesh.startService({ name: "orders", id: "orders-1", config: { version: "1" } }),
        mesh.startService({ name: "orders", id: "orders-2", config: { version: "2" } }),
        mesh.startService({ name: "payments", controlPlanes: [other] }),
      ];
      const [first, second, payments] = await Promise.all(started);
      // Connected to one replica alone: the other one has to ask it.
      const web = await mesh.startService({ name: "web", dependencies: ["orders", "payments"], controlPlanes: [other] });
      if (!first || !second || !payments) throw new Error("they were started");
      await untilMode([first, second, payments, web], "strict");
      await untilUsable(web, "orders", [first, second]);
      return { other, first, second, payments, web };
    },
  );

  /** The command's answer, once it is the same at both replicas but for moments: what agents report comes to one of them first. */
  async function told(...words: string[]): Promise<{ readonly out: string; readonly json: Explanation & FlagExplanation }> {
    const { mesh, other } = state();
    const timeless = (text = "") => text.replaceAll(/\d{4}-\d\d-\d\dT[0-9:.]+Z/g, "T");
    const [one = "", , out = ""] = await until(
      async (note) => {
        const asked = [mesh.controlPlane, other].map(({ api }) => legation("explain", ...words, "--json", "--api", api));
        const answers = await Promise.all([...asked, legation("explain", ...words, "--api", other.api)]);
        note(answers);
        return timeless(answers[0]) === timeless(answers[1]) && answers;
      },
      { what: "both control planes to say the same", limitMs },
    );
    for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    return { out, json: JSON.parse(one) as Explanation & FlagExplanation };
  }

  const legation = (...args: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      execFile(process.execPath, [legationCommand, ...args], { timeout: 30_000, env: { PATH: process.env["PATH"] } }, (error, out, err) =>
        error ? reject(new Error(`${error.message} ${err}`)) : resolve(out),
      );
    });

  const words = (out: string) => out.replaceAll(/\s+/g, " ");

  /** What the caller's Envoy does: the status, the body, and which instance answered. */
  const asked = (
    service: string,
    path = "/",
  ): Promise<{ readonly status: number; readonly body: string; readonly by: string | undefined }> =>
    new Promise((resolve, reject) => {
      request(`${state().web.outbound}${path}`, { headers: { host: service }, agent: false }, async (answer) => {
        let body = "";
        for await (const part of answer) body += String(part);
        resolve({ status: answer.statusCode ?? 0, body, by: answeredBy(answer.headers[answeredBy.header])[0] });
      })
        .once("error", reject)
        .end();
    });

  /** The caller's Envoy does what is said: each of several answers is one of the outcomes. */
  async function agrees({ outcomes }: Explanation, service: string, path?: string): Promise<void> {
    for (let i = 0; i < 20; i++) {
      const { status, body, by } = await asked(service, path);
      const fits = outcomes.some((one) =>
        one.by === "instance" ? one.instance?.endsWith(`/${by}`) : one.status === status && one.body?.trim() === body.trim(),
      );
      expect(fits, `${status} ${by} ${body} is none of ${JSON.stringify(outcomes)}`).toBe(true);
    }
  }

  it("names who may answer", async () => {
    const { json } = await told("GET", "http://orders/x", "--from", "web");
    expect(json.outcomes.map(({ by, share }) => [by, share])).toEqual([
      ["instance", 0.5],
      ["instance", 0.5],
    ]);
    expect(json.silent).toEqual([]);
    await agrees(json, "orders");
    const one = await told("GET", "http://orders.mesh/one/x", "--from", "web");
    expect(one.json.summary).toMatch(/\/orders-1 answers$/);
    expect(words(one.out)).toContain("route Route/orders#2: to subset v1 of orders [Route/orders rules[2]]");
    expect(words(one.out)).toMatch(/other-subset/);
    await agrees(one.json, "orders", "/one/x");
  });

  it.each([
    ["http://stock/", "stock", "/", /stock is no declared dependency of web: add it to dependencies/, /502/],
    ["http://orders/nobody", "orders", "/nobody", /no instance of orders belongs to subset v9/, /503 \(UH\)/],
    ["http://orders/teapot", "orders", "/teapot", /100 % are refused with 418 \[Route\/orders rules\[0\]\.fault\]/, /418 \(FI\)/],
  ])("says why %s is refused, and by whom", async (url, service, path, why, answer) => {
    const { json, out } = await told("GET", url, "--from", "web");
    expect(words(out)).toMatch(why);
    expect(json.summary).toMatch(answer);
    await agrees(json, service, path);
  });

  it("says which intention denies", async () => {
    const { mesh } = state();
    const answer = await fetch(`${mesh.consul.url}/v1/connect/intentions/exact?source=web&destination=payments`, {
      method: "PUT",
      body: JSON.stringify({ SourceType: "consul", Action: "deny" }),
    });
    expect(answer.status).toBe(200);
    await until(async () => (await asked("payments")).status === 403, { what: "web to be denied", limitMs });
    const { json, out } = await until(
      async () => {
        const found = await told("GET", "http://payments/", "--from", "web");
        return found.json.summary.includes("403") ? found : undefined;
      },
      { what: "both control planes to know the intention", limitMs },
    );
    expect(words(out)).toContain("identity: strict, intentions: enforce [Identity/mesh mode]");
    expect(words(out)).toMatch(/payments-1 100 % denied denied by intention: intention web=>payments says deny/);
    await agrees(json, "payments");
  });

  it("says who ejected an instance, why, and until when", async () => {
    const { first, web } = state();
    await control(first, { status: 500 });
    await until(
      async () => {
        await asked("orders");
        return (await web.envoy.clusters()).get("orders")?.some(({ usable }) => !usable);
      },
      { what: "an ejection", limitMs },
    );
    const { json, out } = await until(
      async () => {
        const found = await told("GET", "http://orders/x", "--from", `${state().mesh.consul.node}/web-1`);
        return found.json.ways[0]?.endpoints.some(({ state: standing }) => standing === "ejected") && found.out.includes("ejected")
          ? found
          : undefined;
      },
      { what: "both control planes to know of the ejection", limitMs },
    );
    expect(words(out)).toMatch(/ejected by \S+web-1 since/);
    expect(json.summary).toMatch(/orders-2 answers$/);
    expect(json.ways[0]?.endpoints.find(({ state: standing }) => standing === "ejected")?.until).toMatch(/^20/);
    await agrees(json, "orders");
    const flag = await told("UF", "--from", "web");
    expect(flag.json.flags[0]?.here.join()).toMatch(/orders-1 of orders .* open at \S+web-1 since \S+ for consecutive 5xx/);
    await control(first, { status: 200 });
  });

  it("quotes the check that fails, and what a flag of the access log means then", async () => {
    const { second, web } = state();
    await control(second, { health: 500 });
    const { json, out } = await until(
      async () => {
        const found = await told("GET", "http://orders/x", "--from", "web");
        return found.json.ways[0]?.endpoints.some(({ checks }) => checks.some(({ status }) => status === "critical")) &&
          found.out.includes("critical")
          ? found
          : undefined;
      },
      { what: "the check to be critical", limitMs },
    );
    expect(words(out)).toMatch(/critical/);
    const check = json.ways[0]?.endpoints.flatMap(({ checks }) => checks).find(({ status }) => status === "critical");
    expect(check?.output).toMatch(/500/);
    expect(check?.since).toMatch(/^20/);
    await asked("orders", "/nobody/logged");
    const line = await until(
      async () => (existsSync(log) ? readFileSync(log, "utf8") : "").split("\n").find((one) => one.includes("/nobody/logged")),
      { what: "a line in the access log", limitMs },
    );
    const read = await told("--log", line, "--from", "web");
    expect(read.json.line).toMatchObject({ flags: ["UH"], status: 503, host: "orders", route: "Route/orders#1", path: "/nobody/logged" });
    expect(read.json.flags[0]?.here).toContain(
      "Route/orders#1 sends requests to subset v9 of orders, to which no instance belongs (version 9)",
    );
    expect(read.json.explanation?.summary).toMatch(/503 \(UH\)/);
    expect(web.id).toBe("web-1");
  });

  it("names who is meant by nobody, and what is no question", async () => {
    const refused = (...words: string[]) => expect(legation("explain", ...words, "--api", state().other.api)).rejects;
    await refused("GET", "http://orders/", "--from", "nobody").toThrow(/nobody has no instance in the registry/);
    await refused("GET", "ftp://orders/", "--from", "web").toThrow(/Write http:\/\/orders\/path/);
    await refused("GET", "http://orders/").toThrow(/who asks is missing/);
    await refused("XX").toThrow(/is no response flag/);
  });
});
