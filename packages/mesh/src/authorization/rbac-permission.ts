/** Requests in Envoy's RBAC, by the matchers that Consul's own proxies use. */
import { create } from "@bufbuild/protobuf";
import { type Permission as EnvoyPermission, PermissionSchema } from "@legation/envoy-api/envoy/config/rbac/v3/rbac";
import { type HeaderMatcher, HeaderMatcherSchema } from "@legation/envoy-api/envoy/config/route/v3/route_components";
import { stringMatcher } from "../envoy/string-matcher.js";
import type { HeaderMatch, Permission } from "./intention.js";

/** The requests that a permission speaks of; its action does not count. */
export function requestsOf({ path, headers, methods }: Permission): EnvoyPermission {
  const rules: EnvoyPermission[] = [];
  if (path)
    rules.push(
      create(PermissionSchema, { rule: { case: "urlPath", value: { rule: { case: "path", value: stringMatcher(path, false) } } } }),
    );
  for (const match of headers) rules.push(create(PermissionSchema, { rule: { case: "header", value: header(match) } }));
  if (methods.length > 0) rules.push(anyMethod(methods));
  const [only] = rules;
  if (!only) return create(PermissionSchema, { rule: { case: "any", value: true } });
  return rules.length === 1 ? only : create(PermissionSchema, { rule: { case: "andRules", value: { rules } } });
}

function anyMethod(methods: readonly string[]): EnvoyPermission {
  const rules = methods.map((method) => {
    const match: HeaderMatch = { name: ":method", value: { kind: "exact", value: method }, ignoreCase: false, invert: false };
    return create(PermissionSchema, { rule: { case: "header", value: header(match) } });
  });
  return create(PermissionSchema, { rule: { case: "orRules", value: { rules } } });
}

function header({ name, value, ignoreCase, invert }: HeaderMatch): HeaderMatcher {
  const headerMatchSpecifier: HeaderMatcher["headerMatchSpecifier"] =
    value === "present" ? { case: "presentMatch", value: true } : { case: "stringMatch", value: stringMatcher(value, ignoreCase) };
  return create(HeaderMatcherSchema, { name, headerMatchSpecifier, invertMatch: invert });
}
