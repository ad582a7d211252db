import type { StreamStatus } from "@legation/xds";
import { expect, test } from "vitest";
import { createStreamCount } from "./stream-count.js";

/** Streams of which one refuses something; each count takes so long. */
function scene(took: number) {
  let now = 0;
  let counts = 0;
  const type = (rejected: readonly object[]) => ({ rejected });
  const streams = [{ types: [type([]), type([{ name: "orders" }])] }, { types: [type([])] }] as unknown as readonly StreamStatus[];
  const count = createStreamCount(
    () => {
      counts++;
      now += took;
      return streams;
    },
    { monotonic: () => now },
  );
  const pass = (ms: number) => {
    now += ms;
  };
  return { count, counts: () => counts, pass };
}

test("few streams are counted for each question", () => {
  const { count, counts } = scene(1);
  for (let i = 0; i < 3; i++) expect(count()).toEqual({ streams: 2, rejected: 1 });
  expect(counts()).toBe(3);
});

test("a count that takes long is made again when other work has had its turn", () => {
  const { count, counts, pass } = scene(100);
  for (let i = 0; i < 50; i++) expect(count()).toEqual({ streams: 2, rejected: 1 });
  expect(counts()).toBe(1);
  pass(2_000);
  count();
  expect(counts()).toBe(2);
});

test("and after ten seconds, however long it took", () => {
  const { count, counts, pass } = scene(60_000);
  count();
  pass(10_000);
  count();
  expect(counts()).toBe(2);
});
