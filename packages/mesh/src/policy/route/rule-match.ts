/** Which requests a rule is for. */
import { z } from "zod";
import { anyPath, type PathMatch, pathField, pathMatch } from "./path-match.js";
import { headersField, queryField, type ValueMatch, valueMatches } from "./value-match.js";

/** The conditions of a rule, resolved: a request must meet all of them. Equal for equal conditions, however they were written. */
export interface RuleMatch {
  readonly path: PathMatch;
  /** Only gRPC calls: the content type says so. */
  readonly grpc: boolean;
  /** One of these, sorted; none means any. */
  readonly methods: readonly string[];
  /** Sorted by name, as is `query`. */
  readonly headers: readonly ValueMatch[];
  readonly query: readonly ValueMatch[];
}

/** What every request matches. */
export const anyRequest: RuleMatch = { path: anyPath, grpc: false, methods: [], headers: [], query: [] };

const method = z.string().regex(/^[A-Z][A-Z0-9-]{0,31}$/, { error: "use methods in capitals, such as GET" });
const identifier = "[A-Za-z_][A-Za-z0-9_]{0,127}";

const grpc = z
  .strictObject({
    service: z
      .string()
      .regex(new RegExp(`^${identifier}(?:\\.${identifier}){0,15}$`), { error: "use a service with its package, such as shop.v1.Orders" })
      .optional()
      .describe("The service, with its package. Any unless given."),
    method: z
      .string()
      .regex(new RegExp(`^${identifier}$`), { error: "use the name of a method, such as Place" })
      .optional()
      .describe("The method. Any unless given."),
  })
  .superRefine(({ service, method }, { addIssue }) => {
    if (method !== undefined && service === undefined)
      addIssue({ code: "custom", path: ["service"], message: "is missing. Write the service that has the method" });
  })
  .describe("Only gRPC calls: of this service, or this method of it.");

/** The field `match`. */
export const matchField = z
  .strictObject({
    path: pathField.optional(),
    methods: z.array(method).min(1).max(32).optional().describe("One of these methods."),
    headers: headersField.optional(),
    query: queryField.optional(),
    grpc: grpc.optional(),
  })
  .superRefine(({ path, methods, grpc }, { addIssue }) => {
    const flaw = (field: string, message: string) => addIssue({ code: "custom", path: [field], message });
    if (grpc && path) flaw("path", "grpc says the path already. Keep one of the two");
    if (grpc && methods) flaw("methods", "gRPC calls are all POST. Take methods out, and name the gRPC method in grpc.method");
    if (methods?.includes("CONNECT")) flaw("methods", "CONNECT is refused before any rule is asked. Take it out");
    if (methods && new Set(methods).size < methods.length) flaw("methods", "names a method twice. Keep one of them");
  })
  .describe("Which requests the rule is for: those that meet all of these conditions. Every request unless given.");

/** The conditions that were written. */
export function ruleMatch({ path, methods = [], headers = {}, query = {}, grpc }: z.output<typeof matchField>): RuleMatch {
  return {
    path: grpc ? grpcPath(grpc) : path ? pathMatch(path) : anyPath,
    grpc: grpc !== undefined,
    methods: [...methods].sort(),
    headers: valueMatches(headers, "headers"),
    query: valueMatches(query, "query"),
  };
}

function grpcPath({ service, method }: z.output<typeof grpc>): PathMatch {
  if (service === undefined) return anyPath;
  return method === undefined
    ? { kind: "prefix", value: `/${service}`, ignoreCase: false }
    : { kind: "exact", value: `/${service}/${method}`, ignoreCase: false };
}
