/** `npm run fuzz -- policies --runs 5000` runs it with more cases. */
import type { JsonObject } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { documentKey, readDocument } from "../policy/document.js";
import { fieldsOf, isWithin, leavesOf } from "../policy/fields.js";
import { kinds, type PolicyDocument } from "../policy/kinds.js";
import { anyDraft, trafficKinds } from "../policy/testing/arbitrary.js";
import { mendedDocument, mendedDocuments } from "../policy/testing/mended.js";
import { anyMutation } from "../policy/testing/mutation.js";
import { refusedByEnvoy } from "./judged.js";
import { anyMesh, compileMesh, type RandomMesh } from "./random-mesh.js";

const runs = Number(process.env["FUZZ_RUNS"] ?? 300);
const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000);

/** Fields that the schema knows in order to say where they belong, and one that only goes with a path of the same variables. */
const hardlyRight = new Set([
  "rules.rewrite.template",
  "rules.retries.budget",
  "rules.retries.minConcurrency",
  "rules.retries.maxConcurrency",
]);

/** What Envoy says of each mesh that it does not take all of, by the mesh's place. */
async function refusals(meshes: readonly RandomMesh[]): Promise<ReadonlyMap<number, string>> {
  const refused = await refusedByEnvoy(meshes.map((mesh, i) => compileMesh(mesh, `r${i}x-`)));
  return new Map([...refused].map(([name, why]) => [Number(/^r(\d+)x-/.exec(name)?.[1]), `${name}: ${why}`]));
}

/** Takes out of a refused mesh's documents what can go: all ways to take out one field are tried in one Envoy, until none is refused. */
async function smallest(mesh: RandomMesh): Promise<RandomMesh> {
  for (let found = mesh; ; ) {
    const smaller = found.documents.flatMap((document, at) =>
      fewerFields(document).map((fewer) => ({
        ...found,
        documents: mendedDocuments(found.documents.flatMap((one, i) => (i === at ? fewer : [one]))),
      })),
    );
    const shrunk = smaller.filter(({ documents }) => JSON.stringify(documents).length < JSON.stringify(found.documents).length);
    const [still] = shrunk.length > 0 ? await refusals(shrunk) : [];
    const next = still && shrunk[still[0]];
    if (!next) return found;
    found = next;
  }
}

/** The document without each of its fields, and at last none at all. */
function fewerFields(document: PolicyDocument): unknown[][] {
  const without = (value: unknown): unknown[] =>
    typeof value !== "object" || value === null
      ? []
      : Object.keys(value).flatMap((key) => {
          const drop = (inner: unknown) => {
            const copy = structuredClone(value) as Record<string, unknown>;
            if (inner === undefined) Array.isArray(copy) ? copy.splice(Number(key), 1) : delete copy[key];
            else copy[key] = inner;
            return copy;
          };
          return [drop(undefined), ...without((value as Record<string, unknown>)[key]).map(drop)];
        });
  return [[], ...without(document).map((one) => [one])];
}

test(`${runs} random meshes with right policies compile, and Envoy takes all of them`, { timeout: 600_000 }, async () => {
  const meshes = fc.sample(anyMesh, { numRuns: runs, seed });
  const refused = await refusals(meshes);
  const [first] = refused;
  if (!first) return;
  const mesh = meshes[first[0]];
  const small = mesh && (await smallest(mesh));
  const again = small && [...(await refusals([small])).values()].join("\n");
  expect.fail(
    `${refused.size} of ${runs} meshes are refused (FUZZ_SEED=${seed}). The first, made small: ${again ?? first[1]}\n${JSON.stringify(small?.documents, null, 1)}\n${JSON.stringify(small?.services)}`,
  );
});

test("a resource that Envoy does not take is found among many, whether it breaks a rule of the message or makes no sense", async () => {
  const [mesh] = fc.sample(anyMesh, { numRuns: 1, seed: 1 });
  if (!mesh) throw new Error("no mesh");
  const many = ["w-", "x-", "y-", "z-"].map((prefix) => compileMesh(mesh, prefix));
  const bad = (one: JsonObject): JsonObject => {
    if (one["name"] === "x-a") return { ...one, lbPolicy: 77 };
    if (one["name"] === "y-b") return { ...one, transportSocket: { name: "none.such" } };
    return one["name"] === "z-outbound" ? { ...one, listenerFilters: [{ name: "none.such" }] } : one;
  };
  const refused = await refusedByEnvoy(many.map((group) => group.map(bad)));
  const names = [...refused.keys()];
  expect(names).toEqual(expect.arrayContaining(["x-a", "y-b", "z-outbound"]));
  // Routes to what is not there are refused with it, and nothing else.
  expect(names.filter((name) => !/^(x-a|y-b|[xyz]-outbound)$/.test(name))).toEqual([]);
  expect(await refusedByEnvoy(many)).toEqual(new Map());
});

test("every field of every kind is tried", () => {
  for (const kind of trafficKinds) {
    const drafts = fc.sample(anyDraft(kind), { numRuns: 2_500, seed: 7 });
    const right = drafts.map(mendedDocument);
    const missing = (documents: readonly unknown[]) => {
      const paths = documents.flatMap((document) => leavesOf(document).map(({ path }) => path));
      const fields = [...fieldsOf(kinds[kind].schema)].filter(([, shape]) => shape !== "map").map(([field]) => field);
      return fields.filter((field) => !paths.some((path) => isWithin(path, field)));
    };
    expect(missing(drafts)).toEqual([]);
    expect(missing(right).filter((field) => !hardlyRight.has(field))).toEqual([]);
  }
});

test("random policies with one thing wrong are refused with a place in them, and never break anything", () => {
  const mutated = fc.oneof(...trafficKinds.map((kind) => anyDraft(kind))).chain(anyMutation);
  fc.assert(
    fc.property(mutated, (value) => {
      const reading = readDocument(value);
      if ("document" in reading) return void documentKey(reading.document);
      expect(reading.flaws.length).toBeGreaterThan(0);
      for (const { path, message } of reading.flaws) {
        expect(message).toMatch(/\S/);
        expect(isPlace(value, path), `${path.join(".")} in ${JSON.stringify(value)}`).toBe(true);
      }
    }),
    { numRuns: runs * 3, seed },
  );
});

/** True for a place that is there, and for a field that is missing where it could be. */
function isPlace(value: unknown, path: readonly PropertyKey[]): boolean {
  const [first, ...rest] = path;
  if (first === undefined) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, first) ? isPlace((value as Record<PropertyKey, unknown>)[first], rest) : rest.length === 0;
}
