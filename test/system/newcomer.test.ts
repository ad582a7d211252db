/** Ten things that go wrong at night, planted in one mesh: each is found with one command, which names its cause. */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type Load, legationCommand, startControlPlane, until } from "@legation/local";
import { afterAll, describe, test, vi } from "vitest";
import { control, limitMs, load, untilUsable, useMesh } from "./fixture.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

/** Without certificates, which are not the subject. */
const plain = { identity: { certificates: "off" } };

const policies = `
apiVersion: legation/v1
kind: Service
name: orders
subsets: { v1: { version: 1.0.0 }, v9: { version: 9.0.0 } }
circuitBreaker: { failureThreshold: 3, recoveryTimeout: 10m }
---
apiVersion: legation/v1
kind: Route
name: orders-new
service: orders
rules:
  - match: { path: { prefix: /next } }
    to: [ { subset: v9 } ]
  - match: { path: { exact: /old/1 } }
    to: [ { subset: v1 } ]
  - match: { path: { prefix: /old }, headers: { x-beta: { exact: "1" } } }
    respond: { status: 418 }
`;
const refused = `
apiVersion: legation/v1
kind: Service
name: audit
accessLog: { path: /nowhere/at/all/access.log }
`;

describe("a newcomer finds the cause of", () => {
  const loads: Load[] = [];
  const stopped: number[] = [];
  const scene = useMesh({ consul: { acl: true } }, async (mesh) => {
    const { sandbox, consul, acl } = mesh;
    if (!acl) throw new Error("the mesh has no ACLs");
    const token = await acl.tokenFile("operator-write");
    const two = await startControlPlane(sandbox, { consul: consul.url, name: "two", tokenFile: await acl.tokenFile("control-plane") });
    const controlPlanes = [mesh.controlPlane, two];
    const start = (name: string, id = `${name}-1`, more: object = {}) =>
      mesh.startService({ name, id, controlPlanes, ...more, config: { ...plain, ...("config" in more ? (more.config as object) : {}) } });
    const orders = await start("orders");
    const sick = await start("orders", "orders-2");
    const mail = await start("mail");
    const web = await start("web", "web-1", { dependencies: ["orders", "mail"] });
    const paused = await start("shop", "shop-1", { dependencies: ["orders"] });
    const audit = await start("audit");
    await untilUsable(web, "orders", [orders, sick]);
    await untilUsable(paused, "orders", [orders, sick]);
    return { two, token, start, orders, sick, mail, web, paused, audit };
  });
  afterAll(async () => {
    for (const one of loads) await one.stop();
    for (const pid of stopped)
      try {
        process.kill(pid, "SIGCONT");
      } catch {}
  });

  const legation = (...args: string[]): Promise<{ readonly code: number; readonly text: string }> => {
    const { two, token } = scene();
    const all = [legationCommand, ...args, "--api", two.api, "--token-file", token];
    return new Promise((resolve) =>
      execFile(process.execPath, all, { timeout: limitMs, env: { PATH: process.env["PATH"] ?? "" } }, (error, out, err) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, text: out + err }),
      ),
    );
  };
  /** What a fault does takes its time; the words of the command are then looked for, wherever its lines are wrapped. */
  const names = async (args: readonly string[], ...causes: readonly RegExp[]): Promise<void> => {
    await until(
      async (note) => {
        const { text } = await legation(...args);
        note(text);
        const words = text.replace(/\s+/g, " ");
        return causes.every((cause) => cause.test(words));
      },
      { what: `"legation ${args.join(" ")}" to say ${causes.join(" and ")}`, limitMs: 45_000 },
    );
  };
  const apply = async (name: string, text: string): Promise<void> => {
    const path = join(scene().mesh.sandbox.makeDir("policies"), name);
    writeFileSync(path, text);
    await legation("policy", "apply", "-f", path);
  };

  test("a wrong port", async () => {
    const wrong = await freePort();
    await scene().start("stock", "stock-1", { waitReady: false, config: { port: wrong } });
    await names(["why-not", "stock-1"], new RegExp(`127\\.0\\.0\\.1:${wrong}`), /refused the connection/);
  });

  test("a failing check", async () => {
    await control(scene().mail, { health: 503 });
    await names(["why-not", "mail-1"], /critical/, /503/);
  });

  test("an open breaker", async () => {
    const { sick, web } = scene();
    await control(sick, { status: 500 });
    loads.push(load(web, "orders", 20));
    await names(["explain", "GET", "http://orders/", "--from", "web"], /orders-2/, /ejected/);
  });

  test("a subset without instances", async () => {
    await apply("routes.yaml", policies);
    await names(
      ["explain", "GET", "http://orders/next", "--from", "web"],
      /no instance of orders belongs to subset v9/,
      /Route\/orders-new#0/,
    );
  });

  test("a route shadowed by another", async () => {
    const why = /Route\/orders-new#2 matches too and is never asked: Route\/orders-new#1 stands before it/;
    await names(["explain", "GET", "http://orders/old/1", "--from", "web", "-H", "x-beta: 1"], why);
  });

  test("a rejected policy", async () => {
    await apply("refused.yaml", refused);
    await names(["proxies"], /Service\/audit/, /accessLog\.path/);
  });

  test("an undeclared dependency", async () => {
    await names(["explain", "GET", "http://mail/", "--from", "shop"], /mail is no declared dependency of shop/);
  });

  test("an expired token", async () => {
    const { mesh, start } = scene();
    if (!mesh.acl) throw new Error("the mesh has no ACLs");
    await start("billing");
    await mesh.acl.revoke(await mesh.acl.token("agent", "billing"));
    await names(["why-not", "billing-1"], /token/, /expired|deleted|not found|unknown/i);
  });

  test("a paused Envoy", async () => {
    const { paused } = scene();
    const { envoy } = await paused.pids();
    process.kill(envoy, "SIGSTOP");
    stopped.push(envoy);
    await names(["proxies", "--drift"], /shop-1/, /does not answer|did not answer/);
  });

  test("a stale control plane", async () => {
    const { mesh } = scene();
    await mesh.consul.kill9();
    await names(["status"], /stale: Consul at http/, /did not answer|refused/);
  });
});

/** A port on which nobody listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
