import { connect } from "node:net";
import { text } from "node:stream/consumers";
import fastify, { type InjectOptions } from "fastify";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { open } from "../security/right.js";
import { addDocs } from "./docs.js";
import { earlyProblems, useProblems } from "./problem.js";
import { addRoute } from "./route.js";

let app = fastify();

function server() {
  app = fastify({ bodyLimit: 100, ...earlyProblems });
  useProblems(app);
  addDocs(app);
  const stated = { tag: "server", summary: "A thing", right: open, answers: { 200: z.unknown() } } as const;
  const params = z.strictObject({ name: z.string() });
  addRoute(app, { ...stated, method: "GET", path: "/services/:name", params }, () => ({}));
  addRoute(
    app,
    { ...stated, method: "POST", path: "/services/:name", params, body: z.strictObject({ a: z.string().optional() }) },
    () => ({}),
  );
  addRoute(app, { ...stated, method: "GET", path: "/fail" }, () => {
    throw new Error("secret");
  });
  return app;
}

afterEach(() => app.close());

const post = (payload: string, type = "application/json"): InjectOptions => ({
  ...{ method: "POST", url: "/services/web", payload, headers: { "content-type": type } },
});

test.each<[string, InjectOptions, number, string, string]>([
  ["an unknown path", { url: "/service/web" }, 404, "api.no-such-path", "Did you mean /services/:name?"],
  ["a path like none", { url: "/x/y/z/a/b/c" }, 404, "api.no-such-path", "/api/openapi.json lists what does"],
  ["a wrong method", { method: "DELETE", url: "/services/web" }, 405, "api.method-not-allowed", "Use GET or HEAD or POST"],
  [
    "a wrong method with a body",
    { method: "QUERY" as "GET", url: "/services/web" },
    405,
    "api.method-not-allowed",
    "Use GET or HEAD or POST",
  ],
  ["too large a body", post(JSON.stringify({ a: "x".repeat(200) })), 413, "api.too-large", "too large"],
  ["another media type", post("a", "text/csv"), 415, "api.media-type", "Send application/json"],
  ["a body that is no JSON", post("{"), 400, "api.bad-request", "the body is no JSON"],
  ["an empty body", post(""), 400, "api.bad-request", "Send {} at least"],
  ["a path that cannot be decoded", { url: "/services/%E0%A4%A" }, 400, "api.bad-request", "Encode the path"],
  ["a failure", { url: "/fail" }, 500, "api.failed", "its log says why"],
])("%s is answered with a problem that says the fix", async (_what, asked, status, code, detail) => {
  const answer = await server().inject(asked);
  expect(answer.headers["content-type"]).toContain("application/problem+json");
  expect(answer.json()).toMatchObject({ type: `/docs/errors#${code}`, status, code, detail: expect.stringContaining(detail) });
  expect(answer.statusCode).toBe(status);
  if (status === 405) expect(answer.headers["allow"]).toBe("GET, HEAD, POST");
  expect((await app.inject("/docs/errors")).body).toContain(`id="${code}"`);
});

test.each([
  ["what is no HTTP", "hello\r\n\r\n", 400, "this is no HTTP request"],
  ["headers without end", `GET / HTTP/1.1\r\nx: ${"x".repeat(20_000)}\r\n\r\n`, 431, "larger than 16 KiB"],
])("%s is answered with a problem too", async (_what, sent, status, detail) => {
  await server().listen({ host: "127.0.0.1", port: 0 });
  const address = app.server.address();
  const socket = connect(typeof address === "object" && address ? address.port : 0, "127.0.0.1");
  socket.write(sent);
  const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
  expect(head).toContain(`HTTP/1.1 ${status} `);
  expect(JSON.parse(body)).toMatchObject({ status, detail: expect.stringContaining(detail) });
});
