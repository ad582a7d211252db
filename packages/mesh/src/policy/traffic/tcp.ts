/** What of a service's own policy its callers do not follow where it speaks `tcp`: they see connections, and bytes. */
import { isWithin, leavesOf } from "../fields.js";
import type { ServiceDocument } from "../service/service-document.js";

const noRequests = "it is for requests, and callers see bytes";
const noRetries = "a connection that is not made is tried at up to 20 instances, and one that was made never again";
const noPool = "each of its connections belongs to one client";

/** Fields that need requests, with the reason in words. */
const requestFields: Readonly<Record<string, string>> = {
  "balancing.hashOn": "nothing in a connection says which instance it is for",
  "balancing.boundedLoad": "nothing in a connection says which instance it is for",
  "circuitBreaker.timeout": noRequests,
  "circuitBreaker.consecutive.serverErrors": noRequests,
  "circuitBreaker.consecutive.gatewayErrors": noRequests,
  retries: noRetries,
  hedging: noRetries,
  "limits.requests": noRequests,
  "limits.requestsPerConnection": noRequests,
  "timeouts.request": noRequests,
  "timeouts.perTry": noRequests,
  "timeouts.perTryIdle": noRequests,
  "timeouts.stream": noRequests,
  "connections.idleTimeout": `${noPool}: timeouts.idle ends silent ones`,
  "connections.appIdleTimeout": `${noPool}: timeouts.idle ends silent ones`,
  "connections.lifetime": noPool,
};

/** The fields that the document has and that do nothing for a service that speaks `tcp`, in words with the fix. */
export function unsupportedByTcp(document: ServiceDocument | undefined): readonly string[] {
  if (!document) return [];
  const leaves = leavesOf(document);
  return Object.entries(requestFields).flatMap(([field, why]) =>
    leaves.some(({ path }) => isWithin(path, field))
      ? [`it speaks tcp, so that ${field} does nothing: ${why}. Take it out of Service/${document.name}`]
      : [],
  );
}
