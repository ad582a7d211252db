/** What every control plane says of itself, told by one of them. */
import { type HealthView, replicaList } from "@legation/contract/api";
import fastify from "fastify";
import { expect, test } from "vitest";
import type { Gather } from "../replicas/gather.js";
import { openAccess } from "../security/access.js";
import { addHealthRoutes } from "./health.js";

const healthOf = (status: HealthView["status"]): HealthView => ({
  status,
  version: "0.1.0",
  uptime: 5,
  catalog: { origin: "consul", age: 0.2, lastAnswer: "2026-01-01T00:00:00.000Z", services: 2, instances: 3 },
  consul: { address: "http://127.0.0.1:8500", connected: true, complete: true, error: null },
  xds: { address: "127.0.0.1:18000", streams: 1, rejected: 0 },
  agents: { reporting: 1, listening: 1 },
  problems: [{ code: "service-name", service: "odd", message: "odd" }],
  problemCount: 1,
});

function server(own: HealthView["status"], theirs: readonly unknown[]) {
  const gather: Gather = async ({ read }) => {
    const answers = theirs.map((answer, i) => {
      try {
        return { replica: `r${i + 2}`, address: `10.0.0.${i + 2}:8080`, value: read(answer) };
      } catch (error) {
        return `10.0.0.${i + 2}:8080 ${(error as Error).message}`;
      }
    });
    return {
      answers: answers.filter((answer) => typeof answer !== "string"),
      silent: answers.filter((answer) => typeof answer === "string"),
    };
  };
  const app = fastify();
  const caller = { kind: "open", address: "127.0.0.1" } as const;
  app.decorateRequest("access");
  app.addHook("onRequest", async (request) => {
    request.access = openAccess(caller, { detail: {} });
  });
  addHealthRoutes(app, { replica: "r1", address: () => "10.0.0.1:8080", health: () => healthOf(own), gather });
  return app;
}

test("all control planes are told by any, and those that say nothing usable are named", async () => {
  const answer = await server("ok", [healthOf("stale"), { status: "fine" }]).inject("/api/replicas");
  const list = replicaList.parse(answer.json());
  expect(list.replicas.map(({ replica, answering, health }) => [replica, answering, health.status])).toEqual([
    ["r1", true, "ok"],
    ["r2", false, "stale"],
  ]);
  expect(list.silent).toEqual(["10.0.0.3:8080 says of its health what this version does not understand"]);
});

test("only what has nothing to serve is a failure for a load balancer", async () => {
  expect((await server("stale", []).inject("/health")).statusCode).toBe(200);
  expect((await server("waiting", []).inject("/health")).statusCode).toBe(503);
});
