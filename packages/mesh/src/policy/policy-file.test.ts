import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { parsePolicyFiles, policyJsonSchema } from "./index.js";
import { anyPolicies } from "./testing/arbitrary.js";

const parse = (text: string) => parsePolicyFiles([{ path: "p.yaml", text }]);
const identity = "apiVersion: legation/v1\nkind: Identity\n";

describe("a file of policies", () => {
  it("holds several documents, in YAML or in JSON", () => {
    const { documents, problems } = parsePolicyFiles([
      {
        path: "a.yaml",
        text: `${identity}name: mesh\nmode: permissive\n---\n---\n${identity}name: pay\nservice: payments\nmode: strict\n`,
      },
      {
        path: "b.json",
        text: JSON.stringify([
          { apiVersion: "legation/v1", kind: "Access", name: "two", kinds: ["Identity"], approvals: { keys: ["a", "b"], required: 2 } },
        ]),
      },
    ]);
    expect(problems).toEqual([]);
    expect(documents.map(({ kind, name }) => `${kind}/${name}`)).toEqual(["Identity/mesh", "Identity/pay", "Access/two"]);
  });

  it.each([
    ["kind: Identity\nname: a\n", "p.yaml:1: Identity/a: apiVersion: is missing. Write legation/v1"],
    [
      "apiVersion: legation/v2\nkind: Identity\nname: a\n",
      'p.yaml:1: Identity/a: apiVersion: "legation/v2" is not known. Write legation/v1',
    ],
    [
      "apiVersion: legation/v1\nkind: Identiy\nname: a\n",
      'p.yaml:2: Identiy/a: kind: "Identiy" is no kind of policy. Use MeshDefaults, Service, Route, Identity, Access',
    ],
    [`${identity}name: a\nmode: stict\n`, 'p.yaml:4: Identity/a: mode: "stict" is none of off, permissive, strict. Write one of them'],
    [
      `${identity}name: a\n`,
      "p.yaml:1: Identity/a: mode: is missing, and authorization too, so that the document says nothing. Write one of off, permissive, strict",
    ],
    [`${identity}mode: off\n`, "p.yaml:1: document: name: is missing. Write a text"],
    [
      `${identity}name: a\nmode: off\nmodes: off\n`,
      "p.yaml:5: Identity/a: modes: there is no such field. Take it out, or correct its name",
    ],
    ["- 7\n", "p.yaml:1: document: 7 is no document. Write apiVersion: legation/v1, kind, name and the kind's own fields"],
    [
      "apiVersion: legation/v1\nkind: Access\nname: a\nkinds: [Idenity]\napprovals: { keys: [a], required: 1 }\n",
      'p.yaml:4: Access/a: kinds[0]: "Idenity" is no kind of policy. Use MeshDefaults, Service, Route, Identity, Access',
    ],
    [
      "apiVersion: legation/v1\nkind: Access\nname: a\napprovals:\n  keys: [a, b]\n  required: 3\n",
      "p.yaml:6: Access/a: approvals.required: is more than there are keys, so that nothing could ever be approved. Name more keys, or require fewer",
    ],
    [
      "apiVersion: legation/v1\nkind: Access\nname: a\napprovals:\n  keys: [a, a]\n  required: 1\n",
      "p.yaml:5: Access/a: approvals.keys: names a key twice. Each key counts once",
    ],
    [`${identity}name: a\nmode: [off\n`, /^p\.yaml:\d+: the YAML is broken: /],
    [
      `${identity}name: a\nmode: off\n---\n${identity}name: a\nmode: strict\n`,
      "p.yaml:6: Identity/a: name: p.yaml:1 has this name already. Give one another name",
    ],
    [
      `${identity}name: a\nmode: off\n---\n${identity}name: b\nmode: strict\n`,
      "p.yaml:6: Identity/b: service: Identity/a is for the whole mesh already. Keep one of the two, or give this one another service",
    ],
  ])("with %j is refused at the place, with the fix", (text, problem) => {
    expect(parse(text).problems[0]).toEqual(typeof problem === "string" ? problem : expect.stringMatching(problem));
  });

  it("ends with a problem, and not with the process, for what would be endless", () => {
    const laughs = ["a: &a [x,x,x,x,x,x,x,x,x]", ..."bcdefghi".split("").map((n, i) => `${n}: &${n} [${`*${"abcdefgh"[i]},`.repeat(9)}]`)];
    for (const text of [laughs.join("\n"), "[".repeat(100_000), `x: ${"y".repeat(600_000)}`]) expect(parse(text).problems).not.toEqual([]);
  });

  it("reads back whatever can be written", () => {
    fc.assert(
      fc.property(anyPolicies, (documents) => {
        const text = documents.map((document) => stringify(document)).join("---\n");
        expect(parse(text)).toEqual({ documents, problems: [] });
        expect(parse(JSON.stringify(documents))).toEqual({ documents, problems: [] });
      }),
    );
  });
});

it("the examples are right, each by itself", () => {
  const directory = fileURLToPath(new URL("../../../../deploy/policies/", import.meta.url));
  const examples = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".yaml"));
  expect(examples.length).toBeGreaterThan(5);
  for (const file of examples) expect(parse(readFileSync(join(directory, file), "utf8")).problems).toEqual([]);
});

it("the published JSON Schema is that of the kinds (UPDATE_GOLDEN=1 writes it)", () => {
  const path = new URL("../../../../deploy/policies/legation-policy.schema.json", import.meta.url);
  const schema = policyJsonSchema();
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, JSON.stringify(schema, null, 2));
  expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(schema);
});
