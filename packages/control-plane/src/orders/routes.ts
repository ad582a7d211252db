/** `POST /api/orchestration/restart/{name}` and `POST /api/orchestration/health/check-now`: orders to agents, at whichever control plane they listen. */
import { checkNowAnswer, checkNowOrder, checkNowWait, restartAnswer, restartOrder, restartWait } from "@legation/contract/api";
import { type Clock, codeOf, LegationError, messageOf } from "@legation/runtime";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendLeft, sendProblem } from "../api/problem.js";
import { addRoute } from "../api/route.js";
import { type Right, writeNamedService } from "../security/right.js";
import { serviceParams } from "../status/orchestration-routes.js";
import type { ServiceStatus } from "../status/service-status.js";
import { instancesNamed, sendUnknownService } from "../status/shown.js";
import type { Status } from "../status/status.js";
import type { CheckNow } from "./check-now.js";
import { checkNowView } from "./check-now-view.js";
import { type RestartRun, type Restarts, restartText } from "./restart.js";
import { untilReported } from "./until-reported.js";

/** What the routes work with. */
export interface OrderParts {
  readonly status: Status;
  readonly restarts: Restarts;
  readonly checkNow: CheckNow;
  readonly clock: Clock;
}

/** `service:write` on the service that the body names; on all of them when it names none. */
const writeChecked: Right = {
  kind: "rules",
  needs: '`service:write` on the service that the body names; without one `service_prefix ""` with `write`',
  change: true,
  rules: ({ body }) => [{ resource: "service", name: (body as { readonly service?: string } | undefined)?.service ?? "", access: "write" }],
};

/** Adds the routes. */
export function addOrderRoutes(app: FastifyInstance, o: OrderParts): void {
  const common = { method: "POST", tag: "orchestration" } as const;
  addRoute(
    app,
    {
      ...common,
      path: "/api/orchestration/restart/:name",
      summary: "Restart a service without losing a request",
      description:
        "One instance after the other: drained, stopped, started, healthy, and back in its callers' proxies before the next one begins. Stops at the first that " +
        "fails. What is not over when `wait_ms` ends goes on, and is answered with 202.",
      right: writeNamedService,
      params: serviceParams,
      body: restartOrder.optional(),
      answers: { 200: restartAnswer, 202: { schema: restartAnswer, description: "It is under way." } },
      problems: {
        404: "There is no such service, or instance; `detail` names the nearest.",
        409: "No agent reports of it, it is being restarted already, or several of its instances have that ID.",
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const { force = false, instance, wait_ms = restartWait.default } = request.body ?? {};
      const service = await found(request, reply, name, instance);
      if (!service) return reply;
      const before = new Map(service.instances.map((one) => [`${one.node}/${one.id}`, one.restartCount] as const));
      let run: RestartRun;
      try {
        run = await o.restarts.begin(name, instancesNamed(service, instance), force);
      } catch (error) {
        if (error instanceof LegationError) return sendProblem(reply, 409, codeOf(error) ?? "restart.refused", messageOf(error));
        throw error;
      }
      const waited = new AbortController();
      const over = await Promise.race([
        run.done.then(() => true),
        o.clock.sleep(wait_ms, waited.signal).then(
          () => false,
          () => true,
        ),
      ]);
      waited.abort();
      const steps = [...run.steps];
      const restarted = steps.filter(({ outcome }) => outcome === "restarted").map((step) => step.instance);
      const { now, silent } = await untilReported({ ...o, name, restarted, before });
      const failed = steps.some(({ outcome }) => outcome === "failed");
      request.access.tell({ restarted: restarted.length, of: steps.length, ...(over ? {} : { over: "no" }) });
      return reply.code(over ? 200 : 202).send({
        success: !failed,
        service: name,
        status: (now ?? service).state,
        restart_count: (now ?? service).restartCount,
        last_restart: (now ?? service).lastRestart ?? null,
        message: restartText(steps, over),
        instances: steps,
        silent,
      });
    },
  );

  addRoute(
    app,
    {
      ...common,
      path: "/api/orchestration/health/check-now",
      summary: "Let every health check look now",
      description: "Of all services, of one, or of one instance. The results count like any other: thresholds decide what becomes of them.",
      right: writeChecked,
      body: checkNowOrder.optional(),
      answers: { 200: checkNowAnswer },
      problems: {
        404: "There is no such service, or instance; `detail` names the nearest.",
        409: "Several instances of the service have that ID.",
      },
    },
    async (request, reply) => {
      const { service: name, instance, limit_ms = checkNowWait.default } = request.body ?? {};
      const { mesh } = await o.status.current();
      const one = name === undefined ? undefined : await found(request, reply, name, instance);
      if (name !== undefined && !one) return reply;
      const services = one ? [{ ...one, instances: instancesNamed(one, instance) }] : [...mesh.services.values()];
      const asked = services.flatMap(({ instances }) => instances.filter(({ agent }) => agent === "reporting"));
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort(new Error("nobody waits for the answer any more")));
      const instances = asked.map(({ node, id, service }) => ({ node, id, service }));
      const answer = await o.checkNow.ask(instances, limit_ms, gone.signal).catch((error: unknown) => {
        if (gone.signal.aborted) return undefined;
        throw error;
      });
      if (!answer) return sendLeft(reply);
      const { results, silent } = answer;
      request.access.tell({ agents: asked.length, answered: Object.values(results).filter((result) => result?.ok).length });
      return checkNowView({ services, results, silent, now: new Date(o.clock.now()).toISOString() });
    },
  );

  /** The service, where it and its instance exist; otherwise the answer has been sent. */
  async function found(
    request: FastifyRequest,
    reply: FastifyReply,
    name: string,
    instance: string | undefined,
  ): Promise<ServiceStatus | undefined> {
    const { mesh } = await o.status.current();
    const service = mesh.services.get(name);
    if (!service) {
      await sendUnknownService(request, reply, name, mesh.services.keys());
      return undefined;
    }
    const wanted = instancesNamed(service, instance);
    if (wanted.length > 0 && (instance === undefined || wanted.length === 1)) return service;
    const known = (wanted.length > 0 ? wanted : service.instances).map(({ node, id }) => `${node}/${id}`);
    const named = `${known.slice(0, 20).join(", ")}${known.length > 20 ? ", …" : ""}`;
    if (wanted.length > 0)
      void sendProblem(reply, 409, "instance.ambiguous", `${name} has ${wanted.length} of this ID. Write one of ${named}`);
    else {
      const detail = `${name} has no instance ${JSON.stringify(instance ?? "")}. It has ${named || "none"}`;
      void sendProblem(reply, 404, "instance.unknown", detail);
    }
    return undefined;
  }
}
