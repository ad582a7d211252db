import { fileURLToPath } from "node:url";
import { openSandbox, type Sandbox, until } from "@legation/local";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const program = (name: string) => fileURLToPath(new URL(`../../dist/services/${name}-main.js`, import.meta.url));

describe("the services of the demo", () => {
  let sandbox: Sandbox;
  beforeEach(() => {
    sandbox = openSandbox({ name: "legation-services" });
  });
  afterEach(async () => {
    await sandbox.stop();
  });

  /** Starts a service that calls another one directly, without an Envoy between them. */
  async function start(service: string, calls = "http://127.0.0.1:9") {
    const port = await sandbox.ports.free();
    const env = { PORT: String(port), SERVICE: service, INSTANCE: `${service}-1`, OUTBOUND: calls };
    const child = await sandbox.start({ name: service, file: process.execPath, args: [program(service)], env });
    const url = `http://127.0.0.1:${port}`;
    await until(async () => (await fetch(`${url}/health`)).ok, { what: `${service} to be healthy`, limitMs: 20_000 });
    return { child, url };
  }

  it("answer together, and each answer names the instances that took part", async () => {
    const payments = await start("payments");
    const orders = await start("orders", payments.url);
    const web = await start("web", orders.url);
    const answer = await fetch(web.url);
    expect(answer.headers.get("x-answered-by")).toBe("web-1, orders-1, payments-1");
    expect(await answer.json()).toMatchObject({ order: { number: 2, paid: true }, answeredBy: ["web-1", "orders-1", "payments-1"] });
    expect((await fetch(`${orders.url}/nothing`)).status).toBe(404);
  });

  it("answer 502 with the reason when the service that they call does not answer", async () => {
    const answer = await fetch((await start("web")).url);
    expect(answer.status).toBe(502);
    expect(await answer.json()).toMatchObject({ order: { error: expect.stringContaining("ECONNREFUSED") }, answeredBy: ["web-1"] });
  });

  it("end with code 0 on SIGTERM", async () => {
    const { child } = await start("payments");
    expect(await child.stop(10_000)).toEqual({ code: 0, signal: null });
  });
});
