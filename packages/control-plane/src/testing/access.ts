/** Access in tests: routes without a guard, and a Consul that decides on tokens by a table. */
import type { AclApi } from "@legation/consul";
import type { FastifyInstance } from "fastify";
import { openAccess } from "../security/access.js";
import { holdAnswers } from "./answers.js";

/** Gives the routes of a server what they have where Consul uses no ACLs, and holds their answers to what they state. */
export function withoutAcl(app: FastifyInstance): void {
  holdAnswers(app);
  app.decorateRequest("access");
  app.addHook("preHandler", async (request) => {
    request.access = openAccess({ kind: "open", address: request.ip }, { detail: {} });
  });
}

/** What a token may do, as `resource:access:name`; `*` as the name is any. Without a token: the entry of "". */
export type TokenTable = Readonly<Record<string, readonly string[]>>;

/** Consul's answers about the tokens of a table; `answers` false: it is away. */
export function createFakeAcl(
  tokens: TokenTable,
): AclApi & { answers: boolean; questions: number; policies: Record<string, readonly string[]> } {
  const fake = {
    answers: true,
    questions: 0,
    /** The names of the policies on a token. */
    policies: {} as Record<string, readonly string[]>,
    async authorize(token: string | undefined, rules: Parameters<AclApi["authorize"]>[1]) {
      fake.questions++;
      if (!fake.answers) throw new Error("connection refused");
      const has = tokens[token ?? ""];
      if (!has) return token === undefined ? { kind: "decided" as const, allowed: rules.map(() => false) } : { kind: "unknown" as const };
      const allowed = rules.map(({ resource, access, name = "" }) =>
        [`${resource}:${access}:${name}`, `${resource}:${access}:*`].some((rule) => has.includes(rule)),
      );
      return { kind: "decided" as const, allowed };
    },
    async self(token: string) {
      if (!fake.answers) throw new Error("connection refused");
      return { AccessorID: `accessor-${token}`, Description: `the token ${token}`, policies: fake.policies[token] ?? [], roles: [] };
    },
  };
  return fake;
}
