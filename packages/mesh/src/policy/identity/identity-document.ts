/** The policy `Identity`: how strictly connections to a service, or to all of them, are to show who calls. */
import { identityModes } from "@legation/contract";
import { z } from "zod";
import { type Conflict, head, policyKind, serviceName } from "../kind.js";
import { authorizationModes, type IdentityPolicies, type IdentityPolicy } from "./identity.js";

const schema = z
  .strictObject({
    ...head("Identity"),
    service: serviceName.optional().describe("The service that it is for. Without one it is for the whole mesh."),
    mode: z
      .enum(identityModes)
      .optional()
      .describe(
        "off: plain text. permissive: plain text and mutual TLS; callers prefer TLS where an instance has it. strict: mutual TLS alone. For a service: that of the mesh unless given; for the mesh: off.",
      ),
    authorization: z
      .enum(authorizationModes)
      .optional()
      .describe(
        "What becomes of calls that Consul's intentions deny: refused, only counted, or nothing. By the mode unless given: strict enforces, permissive counts.",
      ),
  })
  .refine(({ mode, authorization }) => mode !== undefined || authorization !== undefined, {
    path: ["mode"],
    error: "is missing, and authorization too, so that the document says nothing. Write one of off, permissive, strict",
  })
  .describe("How connections to a service are made, and whether intentions are enforced.")
  .readonly();

/** One `Identity` document. */
export type IdentityDocument = z.output<typeof schema>;

/** The kind `Identity`. */
export const identityKind = policyKind({
  schema,
  affects: ({ service }) => (service === undefined ? "all" : [service]),
  conflicts(documents) {
    const first = new Map<string, string>();
    const found: Conflict[] = [];
    for (const { name, service } of documents) {
      const target = service === undefined ? "the whole mesh" : `service ${service}`;
      const other = first.get(target);
      if (other === undefined) first.set(target, name);
      else {
        const message = `Identity/${other} is for ${target} already. Keep one of the two, or give this one another service`;
        found.push({ name, path: ["service"], message });
      }
    }
    return found;
  },
});

/** What documents that do not contradict each other say together. */
export function identityPolicies(documents: readonly IdentityDocument[]): IdentityPolicies {
  let mesh: IdentityPolicy = {};
  const services = new Map<string, IdentityPolicy>();
  for (const { service, mode, authorization } of documents) {
    const said = { ...(mode ? { mode } : {}), ...(authorization ? { authorization } : {}) };
    if (service === undefined) mesh = said;
    else services.set(service, said);
  }
  return { mesh, services };
}
