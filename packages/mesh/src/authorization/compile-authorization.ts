/** One destination → the resource that holds its rules, which its Envoys take up without a change of their listeners. */
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import type { Protocol } from "@legation/contract";
import { packAny } from "@legation/envoy-api";
import { TypedExtensionConfigSchema } from "@legation/envoy-api/envoy/config/core/v3/extension";
import type { RBAC } from "@legation/envoy-api/envoy/config/rbac/v3/rbac";
import type { AuthorizationMode } from "../policy/identity/identity.js";
import type { Trust } from "../policy/identity/trust.js";
import type { Problem } from "../problem.js";
import { type MeshResource, resource } from "../resource.js";
import { httpConfig, rulesName, tcpConfig } from "./filters.js";
import { defaultNamespace, type Intention, intentionName, intentionsTo, type Verdict } from "./intention.js";
import { denials } from "./rbac.js";

/** What the rules of a service are made of. */
export interface AuthorizationInput {
  readonly service: string;
  readonly protocol: Protocol;
  /** With `off` there are rules too, which let everybody pass: the listener is the same whatever this says. */
  readonly authorization: AuthorizationMode;
  /** Those that may speak of it; undefined while they are unknown. */
  readonly intentions: readonly Intention[] | undefined;
  readonly byDefault: Verdict | undefined;
  readonly trust: Trust;
}

/** What becomes of it. */
export interface CompiledAuthorization {
  /** Undefined: nobody knows what to enforce. Envoys keep what they have, and a new one waits for it. */
  readonly rules: MeshResource | undefined;
  readonly problems: readonly Problem[];
}

/** Compiles the rules. */
export function compileAuthorization(o: AuthorizationInput): CompiledAuthorization {
  const { service, protocol, authorization, intentions, byDefault, trust } = o;
  if (authorization === "off") return { rules: filterResource(o, undefined), problems: [] };
  const say = (message: string): Problem => ({ code: "authorization", service, message });
  if (!intentions || !byDefault) {
    const missing = intentions
      ? "Consul does not say what becomes of a call that no intention speaks of: let the control plane's token read its agent (agent:read), or give --default-intention"
      : "Consul's intentions are not known yet: let the control plane's token read them (intentions = \"read\" for every service)";
    const meanwhile =
      authorization === "enforce" ? `callers wait, and proxies of ${service} keep the rules they have` : "nothing is counted";
    const rules = authorization === "enforce" ? undefined : filterResource(o, undefined);
    return { rules, problems: [say(`${missing}; meanwhile ${meanwhile}`)] };
  }
  const destination = { namespace: defaultNamespace, name: service };
  const asked = intentionsTo(destination, intentions);
  const requests = protocol !== "tcp";
  const problems = asked.flatMap((intention) => {
    const name = intentionName(intention);
    if (intention.flaw !== undefined) return [say(`intention ${name} denies everything, because ${intention.flaw}: change it in Consul`)];
    if (!requests && typeof intention.rule !== "string")
      return [say(`intention ${name} denies everything, because it has permissions for requests and ${service} speaks tcp`)];
    return [];
  });
  const rules = denials({ destination, intentions: asked, byDefault, trustDomain: trust.trustDomain, requests });
  return { rules: filterResource(o, rules), problems };
}

function filterResource({ service, protocol, authorization }: AuthorizationInput, rules: RBAC | undefined): MeshResource {
  const enforcement = authorization === "enforce" ? "enforce" : "shadow";
  const [schema, config] = protocol === "tcp" ? tcpConfig(rules, enforcement) : httpConfig(rules, enforcement);
  const name = rulesName(service, protocol);
  const message = create(TypedExtensionConfigSchema, { name, typedConfig: packed(schema, config) });
  return resource(TypedExtensionConfigSchema, name, message, { service, source: "intentions" });
}

function packed<T extends DescMessage>(schema: T, message: MessageShape<T>) {
  return packAny(schema, message);
}
