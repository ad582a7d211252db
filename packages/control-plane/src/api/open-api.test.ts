import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { z } from "zod";
import { open } from "../security/right.js";
import { createGuardedApi } from "../testing/guarded-api.js";
import { routesOf } from "../testing/routes.js";
import type { Json } from "./json-schema.js";
import { openApiOf } from "./open-api.js";
import type { Route } from "./route.js";

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

const route = (more: Partial<Route>): Route => ({
  ...{ method: "GET", path: "/things/:name", tag: "server", summary: "A thing", right: open },
  ...{ answers: { 200: z.object({ name: z.string() }) }, ...more },
});
const document = (...routes: Route[]) => openApiOf(routes) as unknown as Document;

test("the document of all routes is valid OpenAPI 3.1, and every reference in it leads to a schema", async () => {
  const { app } = await createGuardedApi();
  const answer = await app.inject("/api/openapi.json");
  const text = answer.body;
  const api = answer.json<Document>();
  const validator = new Validator();
  expect(await validator.validate(JSON.parse(text))).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
  const named = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = ""]) => ref);
  expect(named.length).toBeGreaterThan(10);
  for (const ref of named) expect(Object.keys(api.components.schemas)).toContain(ref.replace("#/components/schemas/", ""));
});

test("every route of the server is in the document", async () => {
  const { app } = await createGuardedApi();
  const { paths } = (await app.inject("/api/openapi.json")).json<Document>();
  const documented = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
  );
  expect(documented.length).toBeGreaterThan(25);
  expect(documented.sort()).toEqual(
    routesOf(app)
      .filter((route) => route !== "GET /v1/changes")
      .sort(),
  );
});

test("a path shows its parameters, the query its own, each with its words and without what is not wanted", () => {
  const query = z.strictObject({ limit: z.int().min(1).max(9).optional().describe("How many."), tag: z.array(z.string()).optional() });
  const { paths } = document(route({ params: z.strictObject({ name: z.string().describe("Its name.") }), query }));
  expect(paths["/things/{name}"]?.["get"]).toMatchObject({
    operationId: "getThingsByName",
    security: [],
    parameters: [
      { name: "name", in: "path", required: true, description: "Its name.", schema: { type: "string" } },
      { name: "limit", in: "query", required: false, description: "How many.", schema: { type: "integer", minimum: 1, maximum: 9 } },
      { name: "tag", in: "query", required: false, schema: { type: "array", items: { type: "string" } } },
    ],
  });
});

test("a schema with a name is said once; one that is sent in another form than it is answered has two", () => {
  const part = z.object({ a: z.string().default("x") }).meta({ id: "Part" });
  const { paths, components } = document(
    route({ method: "POST", path: "/one", body: z.strictObject({ part }) }),
    route({ path: "/two", answers: { 200: z.object({ parts: z.array(part) }) } }),
  );
  expect(Object.keys(components.schemas)).toEqual(["Part", "PartInput", "ProblemDetails"]);
  expect(components.schemas["PartInput"]).not.toHaveProperty("required");
  expect(components.schemas["Part"]).toMatchObject({ required: ["a"] });
  expect(JSON.stringify(paths["/one"])).toContain('"$ref":"#/components/schemas/PartInput"');
  expect(JSON.stringify(paths["/two"])).toContain('"$ref":"#/components/schemas/Part"');
});
