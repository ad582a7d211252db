/** The routes of a server, for tests that go through all of them. */
import type { FastifyInstance } from "fastify";

/** Every route as the server itself prints it: a tree, whose branches are parts of paths. */
export function routesOf(app: FastifyInstance): string[] {
  const parts: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split("\n")
    .flatMap((line) => {
      const [, indent = "", part = "", methods = ""] = /^((?:│ {3}| {4})*)[├└]── (\S*)(?: \((.*)\))?$/.exec(line) ?? [];
      parts.splice(indent.length / 4, parts.length, part);
      const named = methods.split(", ").filter((method) => method !== "" && method !== "HEAD");
      return named.map((method) => `${method} ${parts.join("")}`);
    });
}
