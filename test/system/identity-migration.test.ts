/** A service goes from plain text to strict mutual TLS and back under load, and neither callers nor Consul notice, whoever dies on the way. */
import { connect } from "node:net";
import type { IdentityMode } from "@legation/contract";
import { identityOf, type Mesh, type ServiceProcess, until } from "@legation/local";
import { programOf } from "@legation/prove/services";
import { describe, expect, it } from "vitest";
import { consulVersions, inboundOf, limitMs, load, rowOf, untilHealthy, untilUsable, useMesh } from "./fixture.js";
import { type MixedReport, mixedLoad, setMode, untilMode, withPolicies } from "./identity-fixture.js";

const rate = 15;
const there: readonly IdentityMode[] = ["permissive", "strict"];
const thereAndBack: readonly IdentityMode[] = [...there, "permissive", "off"];

/** Looks at Consul all the time, until it is told to stop: the fewest instances of `service` that passed at any moment. */
function watchPassing(mesh: Mesh, service: string): () => Promise<number> {
  let fewest = Number.POSITIVE_INFINITY;
  let over = false;
  const watching = (async () => {
    while (!over) fewest = Math.min(fewest, (await mesh.consul.get<unknown[]>(`/v1/health/service/${service}?passing`)).length);
  })();
  // When the test fails meanwhile, nobody waits for it any more.
  watching.catch(() => undefined);
  return async () => {
    over = true;
    await watching;
    return fewest;
  };
}

/** Whether an instance's Envoy answers plain text: with a status, or by closing the connection. */
function answersPlainText(instance: ServiceProcess): Promise<boolean> {
  const [host = "", port = ""] = inboundOf(instance).split(":");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(port) }, () => void socket.write("GET / HTTP/1.1\r\nhost: orders\r\n\r\n"));
    socket.once("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("close", () => resolve(false));
    socket.on("error", () => resolve(false));
  });
}

/** Every request of every kind was answered, and every stream ended as its caller wished. */
function held({ failures, streams, byKind }: MixedReport): void {
  expect(failures).toEqual({});
  expect(streams.broken).toEqual([]);
  for (const { succeeded } of Object.values(byKind)) expect(succeeded).toBeGreaterThan(20);
}

describe.each(consulVersions)("the way to strict and back, with Consul %s", (version) => {
  const state = useMesh(
    () => withPolicies({ consul: { version } }),
    async (mesh) => {
      const fleet = async (name: string, protocol: string, width = 3) => {
        const command = [process.execPath, programOf(name === "prices" ? "prices" : "orders")];
        const config = { protocol, health: { interval: "1s", failureThreshold: 3, recoveryThreshold: 1 }, envoy: { concurrency: 1 } };
        const ids = Array.from({ length: width }, (_, at) => `${name}-${at + 1}`);
        return await Promise.all(ids.map((id) => mesh.startService({ name, id, command, config })));
      };
      const orders = await fleet("orders", "http");
      const prices = await fleet("prices", "grpc");
      const raw = await fleet("raw", "tcp", 1);
      const web = await mesh.startService({ name: "web", dependencies: ["orders", "prices"] });
      // One that is frozen in a test is not to be replaced by its agent meanwhile.
      const admin = await mesh.startService({ name: "admin", dependencies: ["orders"], config: { envoy: { answerWithin: "5m" } } });
      for (const caller of [web, admin]) await untilUsable(caller, "orders", orders);
      await untilUsable(web, "prices", prices);
      const [first] = orders as [ServiceProcess];
      return { orders, prices, called: [...orders, ...prices], all: [...orders, ...prices, ...raw, web, admin], web, admin, first };
    },
  );

  const move = async (mode: IdentityMode): Promise<void> => {
    setMode(state().mesh, mode);
    await untilMode(state().all, mode);
  };
  const moved = (mode: IdentityMode) =>
    until(async () => (await identityOf(state().first)).mode === mode, { what: `${state().first.id} to hear of ${mode}`, limitMs });

  it("is gone twice without a failed request, and no check in Consul blinks", { timeout: 600_000 }, async () => {
    const { mesh, orders, web, first } = state();
    expect(await identityOf(first)).toMatchObject({ mode: "off", tls: "plain", phase: "valid" });
    const requests = mixedLoad(web, rate);
    const passing = [watchPassing(mesh, "orders"), watchPassing(mesh, "prices")];
    for (const mode of [...thereAndBack, ...thereAndBack]) {
      await move(mode);
      for (const instance of orders) {
        const [listens, other] = mode === "strict" ? [instance.inbound, instance.app] : [instance.app, instance.inbound];
        expect(listens).not.toBe(other);
        const tls = { off: undefined, permissive: "accepted", strict: "required" }[mode];
        await until(
          async (note) => {
            const row = await rowOf(mesh, "orders", instance.id);
            note(row?.Service);
            return `http://${row?.Service.Address}:${row?.Service.Port}` === listens && row?.Service.Meta["legation-tls"] === tls;
          },
          { what: `Consul to show ${instance.id} as ${mode}`, limitMs },
        );
        if (mode === "strict")
          await until(async () => !(await answersPlainText(instance)), { what: `${instance.id} to refuse plain text`, limitMs });
        else expect(await answersPlainText(instance)).toBe(true);
      }
    }
    expect(await Promise.all(passing.map((stop) => stop()))).toEqual([3, 3]);
    held(await requests.stop());
  });

  it("is gone while agents and the control plane are killed in the middle of each move", { timeout: 600_000 }, async () => {
    const { mesh, called, web, orders, prices } = state();
    const requests = mixedLoad(web, rate);
    const victims = [orders[1], prices[1]] as ServiceProcess[];
    for (const mode of thereAndBack) {
      setMode(mesh, mode);
      await moved(mode);
      await Promise.all([mesh.controlPlane.kill9(), ...victims.map((victim) => victim.kill9("agent"))]);
      await Promise.all([mesh.controlPlane.restart(), ...victims.map((victim) => victim.restart())]);
      await untilMode([...called, web], mode);
    }
    held(await requests.stop());
  });

  it("waits for a caller whose Envoy is frozen, over the death of an agent too, and names it", { timeout: 300_000 }, async () => {
    const { mesh, web, admin, orders, first } = state();
    await move("permissive");
    const requests = mixedLoad(web, rate);
    const stands = (instance: ServiceProcess) =>
      until(
        async (note) => {
          const identity = await identityOf(instance);
          note(identity);
          return identity.mode === "strict" && identity.tls === "accepted" && /not acknowledged by \S*\/admin-1/.test(identity.waits ?? "");
        },
        { what: `${instance.id} to wait for admin-1`, limitMs },
      );
    // One that has not come back to a control plane that was killed is waited for by nobody.
    await until(async () => (await admin.envoy.stats("^control_plane\\.connected_state$"))["control_plane.connected_state"] === 1, {
      what: "admin-1's Envoy to be connected",
      limitMs,
    });
    const { envoy } = await admin.pids();
    process.kill(envoy, "SIGSTOP");
    try {
      setMode(mesh, "strict");
      for (const instance of orders) await stands(instance);
      await first.kill9("agent");
      await first.restart();
      await stands(first);
      for (const instance of orders) expect(await answersPlainText(instance)).toBe(true);
    } finally {
      process.kill(envoy, "SIGCONT");
    }
    await untilMode(state().all, "strict");
    await move("off");
    held(await requests.stop());
  });

  it("ends in a mesh where instances restart, drain and start anew as before", { timeout: 600_000 }, async () => {
    const { mesh, web, orders, first } = state();
    const requests = mixedLoad(web, rate);
    for (const mode of there) {
      await move(mode);
      expect((await first.ask("POST", "/v1/drain", {})).body).toMatchObject({ success: true });
      expect((await first.ask("POST", "/v1/undrain", {})).body).toMatchObject({ success: true });
      const before = await first.pids();
      expect((await first.ask("POST", "/v1/restart", { wait: true })).body).toMatchObject({ success: true });
      expect((await first.pids()).app).not.toBe(before.app);
      await first.kill9("agent");
      await first.restart();
      expect((await first.pids()).envoy).not.toBe(0);
      await untilMode([first], mode);
      await first.stop();
      await until(async () => (await rowOf(mesh, "orders", first.id)) === undefined, { what: "orders-1 to be gone", limitMs });
      await first.restart();
      await untilMode([first], mode);
      await untilUsable(web, "orders", orders);
    }
    expect((await identityOf(first)).cause).toBe("it starts under strict: nobody has called it in plain text");
    held(await requests.stop());
  });

  it("survives the death of an Envoy under strict, which callers do not notice", { timeout: 300_000 }, async () => {
    const { web, orders, first } = state();
    await move("strict");
    const requests = load(web, "orders", rate);
    const before = await first.pids();
    await first.kill9("envoy");
    await until(async () => (await first.pids()).envoy !== before.envoy, { what: "a new Envoy", limitMs });
    await untilHealthy(web, "orders", orders);
    await untilMode([first], "strict");
    expect((await requests.stop()).failuresByReason).toEqual({});
    await move("off");
  });
});
