/** `GET /api/why-not/{instance}`: why an instance gets no traffic, gate by gate. */
import { instanceKey } from "@legation/contract";
import { whyNotAnswer } from "@legation/contract/api";
import { nearest } from "@legation/runtime";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { sendProblem } from "../api/problem.js";
import { addRoute } from "../api/route.js";
import { addReplicaRoute } from "../replicas/route.js";
import { listing, meshRead } from "../security/right.js";
import type { InstanceStatus } from "../status/instance-status.js";
import { shownTo } from "../status/shown.js";
import type { Status } from "../status/status.js";
import { factsPath } from "./local-facts.js";
import type { WhyNot, WhyNotParts } from "./why-not.js";

const word = z.string().min(1).max(512);
const params = z.strictObject({
  instance: word.describe("`<Consul node>/<service id>` (its `/` written `%2F`), or the ID, or a service that has one instance."),
});

/** Instances that a problem names at most. */
const named = 20;

/** Adds the route, for instances of services that the caller may read. */
export function addWhyNotRoute(app: FastifyInstance, o: { readonly status: Status; readonly whyNot: WhyNot }): void {
  addRoute(
    app,
    {
      method: "GET",
      path: "/api/why-not/:instance",
      tag: "ledger",
      summary: "Why an instance gets no traffic: each gate on its way there, and the first that is shut",
      right: listing,
      params,
      answers: { 200: whyNotAnswer },
      problems: { 404: "Nobody knows such an instance; `detail` names the nearest.", 409: "Several are named so." },
    },
    async (request, reply) => {
      const { instance: name } = request.params;
      const { mesh, services } = await shownTo(request, o.status);
      const all = services.flatMap(({ instances }) => instances);
      const found = meant(name, all);
      const [one] = found;
      if (one && found.length === 1) return o.whyNot(one, mesh);
      if (found.length > 1) {
        const keys = found.slice(0, named).map(({ node, id }) => instanceKey(node, id));
        return sendProblem(
          reply,
          409,
          "instance.ambiguous",
          `${JSON.stringify(name)} names ${found.length} instances. Write one of ${keys.join(", ")}`,
        );
      }
      const refused = await heardOf(name);
      if (refused) return refused;
      const near = nearest(name, [...new Set(all.flatMap(({ node, id, service }) => [id, instanceKey(node, id), service]))]);
      const fix = near === undefined ? "See legation instances for those that are" : `Did you mean ${near}?`;
      return sendProblem(reply, 404, "instance.unknown", `neither Consul nor an agent knows ${JSON.stringify(name)}. ${fix}`);

      /** One of which nothing is known but that its agent was refused. */
      async function heardOf(key: string) {
        const [node = "", ...rest] = key.split("/");
        if (rest.length === 0) return undefined;
        const nothing = "nobody tells of it";
        const unheard = { state: "unknown", reason: nothing, level: "UNKNOWN", message: nothing, restartCount: 0, agent: "none" } as const;
        const answer = await o.whyNot({ node, id: rest.join("/"), service: "", ...unheard }, mesh);
        const gate = answer.gates.find(({ gate }) => gate === "agent");
        return gate?.what.startsWith("a control plane refused") && (await request.access.mayRead(meshRead)) ? answer : undefined;
      }
    },
  );
}

/** By the whole name, else by the ID, else the instances of the service. */
function meant(name: string, all: readonly InstanceStatus[]): readonly InstanceStatus[] {
  const ways = [
    ({ node, id }: InstanceStatus) => instanceKey(node, id) === name,
    ({ id }: InstanceStatus) => id === name,
    ({ service }: InstanceStatus) => service === name,
  ];
  return ways.map((way) => all.filter(way)).find((found) => found.length > 0) ?? [];
}

/** Adds the path on which the other control planes are answered. Belongs below the hook of `createBorneOut`. */
export function addReplicaFactsRoute(app: FastifyInstance, local: WhyNotParts["local"]): void {
  addReplicaRoute(app, {
    path: factsPath,
    summary: "What its proxies hold of an instance, and what it refused of its agent",
    properties: { node: word, id: word, service: z.string().max(512) },
    answer: (instance) => local(instance),
  });
}
