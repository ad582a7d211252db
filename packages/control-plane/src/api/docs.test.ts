import fastify from "fastify";
import { expect, test } from "vitest";
import { addDocs } from "./docs.js";

test("the page and every file that it names are served from here, and nothing is fetched from elsewhere", async () => {
  const app = fastify();
  addDocs(app);
  const page = await app.inject("/docs");
  expect(page.headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'");
  const files = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file = ""]) => file);
  expect(files).toHaveLength(4);
  for (const file of files) {
    const answer = await app.inject(`/${file}`);
    expect([file, answer.statusCode, answer.body.length > 50]).toEqual([file, 200, true]);
  }
  expect((await app.inject("/docs/assets/..%2fpackage.json")).statusCode).toBe(400);
});
