/** What of the status a caller is shown: services that it may read. */
import { nearest } from "@legation/runtime";
import type { FastifyReply, FastifyRequest } from "fastify";
import { sendProblem } from "../api/problem.js";
import type { ServiceStatus } from "./service-status.js";
import type { Shown } from "./services-view.js";
import type { Status } from "./status.js";

/** How the services stand that the caller may read. */
export async function shownTo(request: FastifyRequest, status: Status): Promise<Shown> {
  const { mesh, silent } = await status.current();
  const may = await request.access.readable(mesh.services.keys());
  return { mesh, services: [...mesh.services.values()].filter(({ name }) => may.has(name)), silent };
}

/** Answers 404 with the name that may have been meant, of those that the caller may read. */
export async function sendUnknownService(
  request: FastifyRequest,
  reply: FastifyReply,
  name: string,
  known: Iterable<string>,
): Promise<FastifyReply> {
  const meant = nearest(name, [...(await request.access.readable(known))]);
  const fix = meant === undefined ? "See legation services for those that are" : `Did you mean ${meant}?`;
  return sendProblem(reply, 404, "service.unknown", `there is no service ${JSON.stringify(name)}. ${fix}`);
}

/** Of the instances of a service those that a name means: all without one, else `<Consul node>/<service id>` or the ID. */
export function instancesNamed({ instances }: ServiceStatus, name: string | undefined): ServiceStatus["instances"] {
  return name === undefined ? instances : instances.filter(({ node, id }) => name === id || name === `${node}/${id}`);
}
