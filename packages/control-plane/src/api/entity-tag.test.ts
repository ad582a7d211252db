import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { createGunzip, gunzipSync } from "node:zlib";
import fastify from "fastify";
import { expect, test } from "vitest";
import { useCompression } from "./compression.js";
import { matches, useEntityTags } from "./entity-tag.js";
import { enclosed, sendSliced } from "./sliced.js";

async function server() {
  const app = fastify();
  useEntityTags(app);
  await useCompression(app);
  app.get("/small", () => ({ a: 1 }));
  app.get("/large", () => ({ a: "x".repeat(20_000) }));
  app.get("/fails", (_request, reply) => reply.code(404).send({ a: 1 }));
  app.post("/small", () => ({ a: 1 }));
  app.get("/pieces", (_request, reply) =>
    sendSliced(
      reply,
      enclosed("[", Array.from({ length: 2_000 }).keys(), (i) => JSON.stringify({ i }), "]"),
    ),
  );
  app.get("/events", (_request, reply) => reply.type("text/event-stream").send(Readable.from(["data: 1\n\n"])));
  return app;
}

test("who has an answer already gets 304, also of a large one in another encoding; a failure and a change have no tag", async () => {
  const app = await server();
  for (const url of ["/small", "/large"]) {
    const first = await app.inject(url);
    const etag = String(first.headers["etag"]);
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    expect(first.headers["vary"]).toContain("X-Consul-Token");
    const again = await app.inject({ url, headers: { "if-none-match": `"other", ${etag}`, "accept-encoding": "gzip" } });
    expect([again.statusCode, again.body, again.headers["etag"]]).toEqual([304, "", etag]);
    expect((await app.inject({ url, headers: { "if-none-match": '"other"' } })).statusCode).toBe(200);
  }
  expect((await app.inject("/fails")).headers["etag"]).toBeUndefined();
  expect((await app.inject({ url: "/small", method: "POST" })).headers["etag"]).toBeUndefined();
});

test("no answer to a GET is kept for others, whether it is whole, in pieces or a failure", async () => {
  const app = await server();
  for (const url of ["/small", "/large", "/pieces", "/fails"]) {
    const { headers } = await app.inject(url);
    expect([url, headers["cache-control"]]).toEqual([url, "private, no-cache"]);
    expect(headers["vary"]).toContain("X-Consul-Token, Authorization");
  }
});

test("large answers are compressed, also those in pieces; small ones and event streams are not", async () => {
  const app = await server();
  const ask = (url: string, encoding = "gzip") => app.inject({ url, headers: { "accept-encoding": encoding } });
  const large = await ask("/large");
  expect(large.headers["content-encoding"]).toBe("gzip");
  expect(JSON.parse(gunzipSync(large.rawPayload).toString())).toEqual({ a: "x".repeat(20_000) });
  expect((await ask("/large", "br")).headers["content-encoding"]).toBe("br");
  expect((await ask("/large", "identity")).headers["content-encoding"]).toBeUndefined();
  const pieces = await ask("/pieces");
  expect(await text(Readable.from([pieces.rawPayload]).pipe(createGunzip())).then(JSON.parse)).toHaveLength(2_000);
  for (const url of ["/small", "/events"]) expect((await ask(url)).headers["content-encoding"]).toBeUndefined();
});

test.each([
  ['"a"', '"a"', true],
  ['W/"a"', '"a"', true],
  ['"b", "a"', 'W/"a"', true],
  ["*", '"a"', true],
  ['"b"', '"a"', false],
  [undefined, '"a"', false],
])("a condition %s about %s holds: %s", (header, tag, holds) => expect(matches(header, tag)).toBe(holds));
