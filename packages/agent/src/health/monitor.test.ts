import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createTestClock } from "@legation/runtime/testing";
import { afterEach, describe, expect, it } from "vitest";
import { createMonitor } from "./monitor.js";
import { createHttpProbe, createTcpProbe, type Probe, type ProbeResult } from "./probe.js";

function scene() {
  const clock = createTestClock();
  const waiting: ((result: ProbeResult) => void)[] = [];
  const levels: string[] = [];
  const probe: Probe = {
    kind: "http",
    target: "GET x",
    run: () => new Promise((resolve) => waiting.push(resolve)),
    close() {},
  };
  const monitor = createMonitor({
    probe,
    thresholds: { failure: 3, recovery: 2 },
    rhythm: { interval: 1_000, startInterval: 100, timeout: 500 },
    clock,
    onResult: (_result, state) => levels.push(`${state.level}: ${state.message}`),
  });
  const answer = async (ok: boolean, message = ok ? "passes" : "failed") => {
    waiting.shift()?.({ ok, message });
    await clock.advance(0);
  };
  return { clock, waiting, levels, monitor, answer };
}

describe("a health monitor", () => {
  it("looks often while nothing is known, and at its interval afterwards", async () => {
    const { clock, waiting, monitor, answer } = scene();
    monitor.begin("UNKNOWN");
    await answer(false);
    await clock.advance(100);
    await answer(true);
    await clock.advance(100);
    await answer(true);
    expect(monitor.state.level).toBe("HEALTHY");
    await clock.advance(999);
    expect(waiting).toHaveLength(0);
    await clock.advance(1);
    expect(waiting).toHaveLength(1);
  });

  it("never looks twice at once, whoever asks", async () => {
    const { clock, waiting, monitor, answer } = scene();
    monitor.begin("UNKNOWN");
    const [a, b] = [monitor.checkNow(), monitor.checkNow()];
    await clock.advance(10_000);
    expect(waiting).toHaveLength(1);
    await answer(true);
    expect(await a).toBe(await b);
  });

  it("does not count the failures of a start, and keeps the message of the change", async () => {
    const { clock, monitor, answer, levels } = scene();
    monitor.begin("UNKNOWN");
    for (let i = 0; i < 5; i++) {
      await answer(false, `no ${i}`);
      await clock.advance(100);
    }
    expect(monitor.state.level).toBe("UNKNOWN");
    monitor.begin("HEALTHY");
    await answer(true);
    await clock.advance(1_000);
    for (const message of ["first", "second", "third", "fourth"]) {
      await answer(false, message);
      await clock.advance(1_000);
    }
    expect(levels.slice(-4)).toEqual(["DEGRADED: first", "DEGRADED: first", "UNHEALTHY: third", "UNHEALTHY: third"]);
  });

  it("ignores a look that ends after a pause", async () => {
    const { monitor, answer, levels } = scene();
    monitor.begin("HEALTHY");
    monitor.pause();
    await answer(false);
    expect(levels).toEqual([]);
    expect(monitor.state.level).toBe("UNKNOWN");
  });
});

describe("a probe", () => {
  const servers: { close(): void; closeAllConnections(): void }[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });
  async function serve(status: number | "hang") {
    let connections = 0;
    const server = createServer((_request, reply) => {
      if (status !== "hang") reply.writeHead(status).end("x");
    }).on("connection", () => {
      connections += 1;
    });
    servers.push(server);
    const port = await new Promise<number>((resolve) =>
      server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port)),
    );
    return { port, connections: () => connections };
  }

  it("passes with 2xx over one kept connection", async () => {
    const { port, connections } = await serve(204);
    const probe = createHttpProbe("127.0.0.1", port, "/health");
    for (let i = 0; i < 3; i++) expect(await probe.run(5_000)).toEqual({ ok: true, message: `GET http://127.0.0.1:${port}/health passes` });
    expect(connections()).toBe(1);
    probe.close();
  });

  it("says in stable words how it failed", async () => {
    const { port } = await serve(503);
    const hanging = await serve("hang");
    expect((await createHttpProbe("127.0.0.1", port, "/h").run(5_000)).message).toBe(`GET http://127.0.0.1:${port}/h answered 503`);
    expect((await createHttpProbe("127.0.0.1", hanging.port, "/h").run(50)).message).toBe(
      `GET http://127.0.0.1:${hanging.port}/h did not answer within 50 ms`,
    );
    expect((await createHttpProbe("127.0.0.1", 1, "/h").run(5_000)).message).toBe("GET http://127.0.0.1:1/h refused the connection");
    expect((await createTcpProbe("127.0.0.1", 1).run(5_000)).message).toBe("TCP 127.0.0.1:1 refused the connection");
    expect(await createTcpProbe("127.0.0.1", port).run(5_000)).toEqual({ ok: true, message: `TCP 127.0.0.1:${port} passes` });
  });
});
