/** The memory of name lists: it saves work for equal clients, and bad ones cannot fill it. */
import { expect, it } from "vitest";
import { NameLists } from "./names.js";
import { lengthDelimited } from "./wire.js";

const bounds = { names: 10_000, nameCharacters: 1024 * 1024 * 1024 };
const list = (first: string, bytes: number) => lengthDelimited(3, Buffer.from(first.padEnd(bytes, "x")));

it("gives equal bytes the same list", () => {
  const lists = new NameLists(bounds);
  const known = lists.decode(list("a", 1_000), 3);
  expect(lists.decode(list("a", 1_000), 3)).toBe(known);
  expect(lists.decode(list("b", 1_000), 3)).not.toBe(known);
});

it("forgets all lists before they take too many bytes", () => {
  const lists = new NameLists(bounds);
  const known = lists.decode(list("a", 1_000), 3);
  for (const name of ["b", "c", "d", "e"]) lists.decode(list(name, NameLists.capacityBytes / 4), 3);
  expect(lists.decode(list("a", 1_000), 3)).not.toBe(known);
});
