import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { beforeEach, describe, expect, it } from "vitest";
import type { ConsulProcess } from "../testing/consul-process.js";
import { type EngineStandIn, startEngineStandIn } from "../testing/engine-stand-in.js";
import { useFixture } from "../testing/fixture.js";
import type { FleetUnderTest } from "../testing/fleet-process.js";
import { until } from "../testing/until.js";
import type { ContainerView } from "./containers.js";

interface Entry {
  readonly Service: { readonly ID: string; readonly Port: number; readonly Tags: string[]; readonly Meta: Record<string, string> };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: string; readonly Output: string }[];
}

const fixture = useFixture();
let consul: ConsulProcess;
let engine: EngineStandIn;
let agent: FleetUnderTest;
beforeEach(async () => {
  consul = await fixture.consul();
  engine = await startEngineStandIn();
  fixture.atEnd(() => engine.close());
  agent = await fixture.fleet({ consul: consul.url, alone: true, flags: ["--containers", engine.address] });
});

const timeout = 120_000;
const limitMs = 30_000;

/** What runs in a container: answers 200, or whatever it is told. */
async function application(): Promise<{ readonly port: number; status: number }> {
  const state = { port: 0, status: 200 };
  const server = createServer((_request, reply) => reply.writeHead(state.status).end());
  fixture.atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  state.port = (server.address() as AddressInfo).port;
  return state;
}

const labels = (over: Record<string, string> = {}): Record<string, string> => ({
  "service.name": "web",
  "service.port": "80",
  "service.health": "/health",
  "service.health.interval": "200ms",
  "service.health.successes": "1",
  "service.heartbeat": "1s",
  ...over,
});

function run(port: number, name: string, over: Record<string, string> = {}): string {
  return engine.run({ name, labels: labels(over), ports: { "80/tcp": { host: "127.0.0.1", port } }, networks: { bridge: "172.17.0.2" } });
}

const entries = () => consul.get<Entry[]>("/health/service/web");
const passing = async (count: number): Promise<Entry[]> =>
  await until(
    `${count} passing`,
    async () => {
      const all = await entries();
      const good = all.filter(({ Checks }) => Checks.every(({ Status }) => Status === "passing"));
      return all.length === count && good.length === count ? all : undefined;
    },
    limitMs,
  ).catch((error: Error) => {
    const log = agent
      .events()
      .slice(-20)
      .map((event) => JSON.stringify(event));
    throw new Error(`${error.message}; the agent's log ends with:\n${log.join("\n")}`, { cause: error.cause });
  });
const count = (event: string): number => agent.events().filter((line) => line.event === event).length;
const views = async (): Promise<readonly ContainerView[]> =>
  (JSON.parse((await agent.ask("/v1/containers")).body) as { containers: readonly ContainerView[] }).containers;

async function untilGone(): Promise<void> {
  await until("it is gone", async () => (await entries()).length === 0, limitMs);
}

describe("labelled containers", () => {
  it("are registered critical, pass when their check does, and leave when they stop, die, pause or are removed", { timeout }, async () => {
    const app = await application();
    app.status = 503;
    agent.start();
    await until("the engine is heard", () => engine.listeners === 1 || undefined, limitMs);
    const id = run(app.port, "web-1", { "service.tags": "blue", "service.version": "2", "service.meta.team": "x" });
    const [entry] = await until("it is registered", async () => ((await entries()).length === 1 ? await entries() : undefined), limitMs);
    expect(entry?.Checks.find(({ CheckID }) => CheckID.endsWith(":http"))?.Status).toBe("critical");
    expect(entry?.Service).toMatchObject({ ID: `web-${id.slice(0, 12)}`, Port: app.port, Tags: ["blue"] });
    expect(entry?.Service.Meta).toMatchObject({ version: "2", team: "x", "legation-container": id });
    app.status = 200;
    await passing(1);
    expect(await views()).toEqual([expect.objectContaining({ container: "web-1", health: "HEALTHY", registered: true })]);

    for (const [leave, back] of [
      [engine.pause, engine.unpause],
      [engine.stop, engine.start],
    ] as const) {
      leave(id);
      await untilGone();
      back(id);
      await passing(1);
    }
    engine.remove(id);
    await untilGone();
    expect(await views()).toEqual([]);
    const causes = agent.events().flatMap((line) => (line.event === "container.down" ? [line["cause"]] : []));
    expect(causes).toEqual(["it is paused", "it is exited", expect.stringMatching(/^it is (exited|gone)/)]);
  });

  it("with one name are two instances, and one that fails its check is critical and stays", { timeout }, async () => {
    const [one, two] = [await application(), await application()];
    run(one.port, "web-1");
    run(two.port, "web-2");
    agent.start();
    const all = await passing(2);
    expect(all.map(({ Service }) => Service.Port).sort()).toEqual([one.port, two.port].sort());
    two.status = 500;
    const bad = await until("the second is critical", async () =>
      (await entries()).find(({ Service, Checks }) => Service.Port === two.port && Checks.some(({ Status }) => Status === "critical")),
    );
    expect(bad.Checks.find(({ Status }) => Status === "critical")?.Output).toContain("answered 500");
    two.status = 200;
    await passing(2);
  });

  it("stay while the engine is gone, for as long as their checks pass, and are looked at again when it is back", { timeout }, async () => {
    const [one, two, three] = [await application(), await application(), await application()];
    const stopped = run(one.port, "web-1");
    run(two.port, "web-2");
    agent.start();
    await passing(2);
    await engine.down();
    await until("the loss is told", () => count("containers.lost") === 1 || undefined, limitMs);
    await until("the API says why", async () => (await agent.ask("/v1/containers")).body.includes("is not there: no such socket"), limitMs);
    one.status = 500;
    await until("a failing one is critical all the same", async () =>
      (await entries()).some(({ Service, Checks }) => Service.Port === one.port && Checks.some(({ Status }) => Status === "critical")),
    );
    expect((await entries()).length).toBe(2);
    engine.quietly(() => {
      engine.stop(stopped);
      run(three.port, "web-3");
    });
    await engine.up();
    const ports = (await passing(2)).map(({ Service }) => Service.Port).sort();
    expect(ports).toEqual([two.port, three.port].sort());
    expect(count("containers.regained")).toBe(1);
    expect(count("containers.lost")).toBe(1);
  });

  it("are adopted by the next agent without a blink, those that went meanwhile are taken away, and all leave at its end", {
    timeout,
  }, async () => {
    const [one, two] = [await application(), await application()];
    // A check lapses after three heartbeats: the next agent has to be there within them, however busy the machine is.
    const first = run(one.port, "web-1", { "service.heartbeat": "20s" });
    const second = run(two.port, "web-2", { "service.heartbeat": "20s" });
    agent.start();
    await passing(2);
    agent.signal("SIGKILL");
    await agent.exited();
    engine.quietly(() => engine.remove(second));
    let blinked = false;
    let watching = true;
    const watch = (async () => {
      while (watching) {
        const entry = (await entries()).find(({ Service }) => Service.ID.endsWith(first.slice(0, 12)));
        if (!entry?.Checks.every(({ Status }) => Status === "passing")) blinked = true;
      }
    })();
    agent.start();
    await passing(1);
    await until("it was adopted", () => count("container.adopted") === 1 || undefined, limitMs);
    await until("the one that went was swept", () => count("container.swept") === 1 || undefined, limitMs);
    watching = false;
    await watch;
    expect(blinked).toBe(false);
    agent.signal("SIGTERM");
    expect(await agent.exited()).toBe(0);
    expect(await entries()).toEqual([]);
  });

  it("with wrong labels are refused by name and label, and trouble no other", { timeout }, async () => {
    const app = await application();
    run(app.port, "bad", { "service.port": "http", "service.wieght": "3" });
    const twin = run(app.port, "twin-1", { "service.id": "web-x" });
    agent.start();
    await passing(1);
    run(app.port, "twin-2", { "service.id": "web-x" });
    const refused = await until("both are refused", () => {
      const all = agent.events().filter(({ event }) => event === "container.refused");
      return all.length === 2 ? all : undefined;
    });
    expect(refused.map((line) => line["problems"])).toEqual([
      [
        "container bad: service.wieght: there is no such label. Did you mean service.weight?",
        expect.stringMatching(/^container bad: service\.port: "http" is not a whole number/),
      ],
      [expect.stringMatching(/^container twin-2: service\.id: web-x is the id of the container twin-1 too\. Give each/)],
    ]);
    expect((await views()).find(({ container }) => container === "bad")?.reason).toContain("service.weight");
    const before = (await entries())[0]?.Service.Meta["legation-container"];
    engine.remove(twin);
    const after = await until("the twin has the id now", async () =>
      (await entries()).find(({ Service }) => Service.Meta["legation-container"] !== before),
    );
    expect([after.Service.ID, before]).toEqual(["web-x", twin]);
    expect(engine.asked.filter((path) => path.includes("json?"))).toEqual(['/v1.47/containers/json?filters={"label":["service.name"]}']);
  });
});
