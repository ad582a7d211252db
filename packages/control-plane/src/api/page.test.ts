import fastify, { type LightMyRequestResponse } from "fastify";
import { expect, test } from "vitest";
import { z } from "zod";
import { open } from "../security/right.js";
import { pageOf, pageQuery, sequenceName } from "./page.js";
import { addRoute } from "./route.js";

interface Answer {
  readonly names: string[];
  readonly nextCursor?: string;
}

function server(names: string[]) {
  const app = fastify();
  const stated = { method: "GET", path: "/names", tag: "server", summary: "Names", right: open, answers: { 200: z.unknown() } } as const;
  addRoute(app, { ...stated, query: z.strictObject({ ...pageQuery, like: z.string().optional() }) }, (request, reply) => {
    const { entries, nextCursor } = pageOf(request, reply, names, (name) => name);
    return { names: entries, nextCursor };
  });
  return app;
}

test("the links lead through all entries, whatever comes and goes meanwhile", async () => {
  const names = ["d", "a", "b", "ü/1", "c"];
  const app = server(names);
  const seen: string[] = [];
  let url: string | undefined = "/names?like=x&limit=2";
  for (let pages = 0; url !== undefined && pages < 10; pages++) {
    const answer: LightMyRequestResponse = await app.inject(url);
    const { names: page, nextCursor } = answer.json<Answer>();
    seen.push(...page);
    url = /^<(.*)>; rel="next"$/.exec(String(answer.headers["link"]))?.[1];
    expect(url === undefined).toBe(nextCursor === undefined);
    if (url) expect(url).toContain("like=x");
    if (pages === 0) names.splice(names.indexOf("a"), 1, "aa", "bb");
  }
  expect(seen).toEqual(["a", "b", "bb", "c", "d", "ü/1"]);
});

test("without a limit there is one page with all entries, as they stand", async () => {
  const answer = await server(["b", "a"]).inject("/names");
  expect(answer.json()).toEqual({ names: ["b", "a"] });
  expect(answer.headers["link"]).toBeUndefined();
});

test("numbers are in their own order", () => {
  const names = [2, 10, 9].map((sequence) => sequenceName({ sequence }));
  expect([...names].sort()).toEqual([names[0], names[2], names[1]]);
});
