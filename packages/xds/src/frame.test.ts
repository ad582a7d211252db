/** The memory of frames: found without a search, also when many differ only in the names that are gone. */
import { expect, it } from "vitest";
import { type Answer, FrameCache } from "./frame.js";
import { TypeUrl } from "./type.js";

let compared = 0;

/** The removal of one name, which counts how often it is compared with others. */
const removal = (name: string): Answer => ({
  variant: "delta",
  typeUrl: TypeUrl.cluster,
  resources: [],
  removed: new Proxy([name], {
    get(names, key) {
      if (key === "every") compared += 1;
      return Reflect.get(names, key);
    },
  }),
});

it("does not compare each removal with all others", () => {
  const frames = new FrameCache(16 * 1024 * 1024, "");
  compared = 0;
  for (let i = 0; i < 1_000; i += 1) frames.frame(removal(`cluster-${i}`), 0);
  expect(compared).toBe(0);
  expect(frames.frame(removal("cluster-7"), 0)).toBe(frames.frame(removal("cluster-7"), 0));
  expect(compared).toBe(2);
});

it("tells names apart from the separators between them", () => {
  const frames = new FrameCache(16 * 1024 * 1024, "");
  const both = frames.frame({ ...removal("a"), removed: ["a", "b"] }, 0);
  expect(frames.frame(removal("a\nb"), 0).bytes.equals(both.bytes)).toBe(false);
});

it("forgets all frames before they take more than they may", () => {
  const frames = new FrameCache(10_000, "");
  const first = frames.frame(removal("first"), 0);
  for (let i = 0; i < 100; i += 1) frames.frame(removal(`cluster-${i}`), 0);
  expect(frames.frame(removal("first"), 0)).not.toBe(first);
});
