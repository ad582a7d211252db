/** Whether an instance takes a caller's request: how it is connected to, and what intentions say. */
import type { DecidedBy } from "@legation/contract/api";
import { decide } from "../authorization/decide.js";
import { defaultNamespace } from "../authorization/intention.js";
import { type Instance, metaOf } from "../catalog/instance.js";
import { hasIdentity } from "../compile-node.js";
import { takesMutualTls } from "../policy/identity/plaintext.js";
import type { RoutedRequest } from "../routing/request.js";
import { modeDecider } from "./identity-decider.js";
import type { ExplainedWorld } from "./world.js";

/** What becomes of a request at the instance's own proxy. */
export type Access =
  | { readonly kind: "open"; readonly note?: string; readonly decidedBy?: DecidedBy }
  | { readonly kind: "denied"; readonly rule: string; readonly reason: string; readonly decidedBy: DecidedBy }
  /** `UF`: no connection comes about. `UC`: it is closed as soon as something is sent. */
  | { readonly kind: "unreachable"; readonly flag: "UF" | "UC"; readonly reason: string; readonly decidedBy: DecidedBy };

/** Works it out. `request` is undefined for a connection that carries no requests that rules could look at. */
export function accessTo(world: ExplainedWorld, instance: Instance, request: RoutedRequest | undefined): Access {
  const { caller, trust, intentions } = world;
  const policy = world.identity(instance.service);
  const mode = policy?.mode ?? "off";
  const speaksTls = hasIdentity(caller.node) && trust !== undefined;
  const mutual = speaksTls && (mode === "strict" || takesMutualTls(instance));
  const modePolicy = modeDecider(world, instance.service);
  if (mutual && !takesMutualTls(instance))
    return unreachable(
      "UF",
      `it is called by mutual TLS alone (${instance.service} is ${mode}), which its registration does not say that it takes`,
    );
  if (!mutual && metaOf(instance).tls === "required" && instance.mesh)
    return unreachable("UC", `it takes mutual TLS alone, and ${caller.instance} has no certificate: let its agent get one from Consul`);
  if (!mutual || policy?.authorization === undefined || policy.authorization === "off") return { kind: "open" };
  if (!intentions?.byDefault) return { kind: "open", note: "what Consul's intentions say is not known here" };
  const named = (name: string) => ({ namespace: defaultNamespace, name });
  const call = { from: named(caller.node.service), to: named(instance.service), ...(request ? { request: seen(request) } : {}) };
  const { verdict, rule, reason } = decide(intentions.intentions, intentions.byDefault, call);
  const decidedBy: DecidedBy = { source: "intention", document: rule };
  if (verdict === "allow") return { kind: "open", decidedBy };
  if (policy.authorization === "enforce") return { kind: "denied", rule, reason, decidedBy };
  return { kind: "open", note: `${reason}: it would be refused, and is only counted (authorization: shadow)`, decidedBy };

  function unreachable(flag: "UF" | "UC", reason: string): Access {
    return { kind: "unreachable", flag, reason, decidedBy: modePolicy };
  }
}

/** Over mutual TLS paths are normalized before rules see them. */
function seen({ method, path, host, headers }: RoutedRequest) {
  return { method, path: normalized(path), headers: { ...headers, ":authority": host } };
}

/** As Envoy normalizes: dot segments go, and escapes of characters that need none are undone. */
function normalized(path: string): string {
  const [, bare = "", rest = ""] = /^([^?#]*)(.*)$/s.exec(path) ?? [];
  const decoded = bare.replace(/%([0-9A-Fa-f]{2})/g, (written, code: string) => {
    const sign = String.fromCharCode(Number.parseInt(code, 16));
    return /[A-Za-z0-9\-._~]/.test(sign) ? sign : written.toUpperCase();
  });
  const kept: string[] = [];
  const segments = decoded.split("/").slice(1);
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
    if (last && (segment === "." || segment === "..")) kept.push("");
  }
  return `/${kept.join("/")}${rest}`;
}
