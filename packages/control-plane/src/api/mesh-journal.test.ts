/** Lists of all control planes, told by one. */
import { expect, test } from "vitest";
import { z } from "zod";
import { createGather, type Gather } from "../replicas/gather.js";
import { createMeshJournal, placeOf } from "./mesh-journal.js";

const entry = z.object({ at: z.string(), sequence: z.number(), controlPlane: z.string(), what: z.string() });
const at = (second: number) => new Date(second * 1_000).toISOString();

test("entries stand in the order of their times, each with its control plane, and who is silent is named", async () => {
  const theirs = [{ at: at(2), sequence: 7, controlPlane: "b:1", what: "second" }];
  const gather: Gather = async ({ read }) => ({
    answers: [{ replica: "r2", address: "b:1", value: read({ entries: theirs }) }],
    silent: ["c:1 refused the connection"],
  });
  const journal = createMeshJournal<z.output<typeof entry>>(
    { gather, address: () => "a:1" },
    {
      path: "/v1/agents/things",
      summary: "Things",
      entry,
      own: () => [
        { at: at(1), sequence: 9, what: "first" },
        { at: at(2), sequence: 10, what: "at once" },
        { at: at(3), sequence: 11, what: "third" },
      ],
    },
  );
  const { entries, silent } = await journal.list();
  expect(entries.map(({ what, controlPlane }) => [what, controlPlane])).toEqual([
    ["first", "a:1"],
    ["at once", "a:1"],
    ["second", "b:1"],
    ["third", "a:1"],
  ]);
  expect(silent).toEqual(["c:1 refused the connection"]);
  const places = entries.map(placeOf);
  expect([...places].sort()).toEqual(places);
});

test("who tells what cannot be read is said to be silent in a few words", async () => {
  const gather = createGather({
    others: () => [{ replica: "r2", address: "b:1", tls: false }],
    ask: async () => ({ entries: Array.from({ length: 1_000 }, () => ({ odd: true })) }),
  });
  const parts = { path: "/v1/agents/things", summary: "Things", entry, own: () => [] };
  const journal = createMeshJournal<z.output<typeof entry>>({ gather, address: () => "a:1" }, parts);
  expect((await journal.list()).silent).toEqual(["b:1 tells what this version does not understand"]);
});
