/** What is asked for and does not exist: whether the path is known by another method, and which path was most likely meant. */
import { nearest } from "@legation/runtime";
import type { FastifyInstance } from "fastify";

/** The paths of a server. */
export interface KnownPaths {
  /** The methods that a path takes, sorted; none for a path that does not exist. */
  methods(path: string): readonly string[];
  /** The path most like it, as the server writes it: `/services/:name`. */
  nearest(path: string): string | undefined;
}

/** Knows every path that is added to the server from now on. */
export function knowPaths(app: FastifyInstance): KnownPaths {
  const methodsOf = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ method, url }) => {
    const methods = methodsOf.get(url) ?? new Set();
    for (const one of [method].flat()) methods.add(one);
    methodsOf.set(url, methods);
  });
  return {
    methods(path) {
      const asked = path.split("/");
      const found = [...methodsOf].filter(([url]) => {
        const parts = url.split("/");
        return parts.length === asked.length && parts.every((part, i) => (part.startsWith(":") ? asked[i] !== "" : part === asked[i]));
      });
      return [...new Set(found.flatMap(([, methods]) => [...methods]))].sort();
    },
    nearest(path) {
      const asked = path.split("/");
      // A parameter is whatever stands at its place.
      const filled = [...methodsOf.keys()].map((url) => {
        const parts = url.split("/");
        return [parts.map((part, i) => (part.startsWith(":") ? (asked[i] ?? part) : part)).join("/"), url] as const;
      });
      const meant = nearest(path.slice(0, longestCompared), new Set(filled.map(([text]) => text)));
      return filled.find(([text]) => text === meant)?.[1];
    },
  };
}

/** What is longer resembles nothing. */
const longestCompared = 200;
