import { setImmediate } from "node:timers/promises";
import fastify from "fastify";
import { describe, expect, test } from "vitest";
import { enclosed, sendSliced } from "./sliced.js";

describe("an answer in slices", () => {
  test.each([[[]], [["a"]], [["a", "b", "c"]]])("is one JSON document with all of %j", async (entries) => {
    const app = fastify();
    app.get("/", (_request, reply) =>
      sendSliced(
        reply,
        enclosed('{"list":[', entries, (entry) => JSON.stringify(entry), "]}"),
      ),
    );
    const answer = await app.inject("/");
    expect(answer.headers["content-type"]).toContain("application/json");
    expect(answer.json()).toEqual({ list: entries });
  });

  test("lets other work have its turn while it is written", async () => {
    const app = fastify();
    let written = 0;
    const busy = (entry: number) => {
      const end = performance.now() + 2;
      while (performance.now() < end);
      written++;
      return String(entry);
    };
    app.get("/", (_request, reply) => sendSliced(reply, enclosed("[", Array.from({ length: 50 }).keys(), busy, "]")));
    const answer = app.inject("/");
    const seen = new Set<number>();
    while (written < 50) {
      await setImmediate();
      seen.add(written);
    }
    expect((await answer).json()).toHaveLength(50);
    expect(seen.size).toBeGreaterThan(5);
  });
});
