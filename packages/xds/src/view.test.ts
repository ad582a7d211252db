/** Views: one for all nodes that see the same layers, gone with the last of them. */
import { expect, it } from "vitest";
import { createResourceCache } from "./cache.js";
import { resource } from "./testing/scene.js";
import { TypeUrl } from "./type.js";
import { Views } from "./view.js";

it("are shared by all that see the same, and computed once for them (20)", () => {
  const cache = createResourceCache();
  cache.replace("all", [resource(TypeUrl.cluster, "a")]);
  const views = new Views(cache);
  const [one, two, other] = [["all"], ["all"], ["all", "more"]].map((layers) => views.acquire({ layers }));
  expect(two).toBe(one);
  expect(other).not.toBe(one);
  expect(two?.all(TypeUrl.cluster)).toBe(one?.all(TypeUrl.cluster));
});

it("are freed when the last stream gives them back (24)", () => {
  const cache = createResourceCache();
  const views = new Views(cache);
  const first = views.acquire({ layers: ["all"] });
  expect(views.acquire({ layers: ["all"] })).toBe(first);
  views.release(first);
  expect(views.acquire({ layers: ["all"] })).toBe(first);
  views.release(first);
  views.release(first);
  expect(views.acquire({ layers: ["all"] })).not.toBe(first);
});
