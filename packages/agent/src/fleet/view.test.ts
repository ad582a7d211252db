import { expect, it } from "vitest";
import type { Fleet } from "./fleet.js";
import { graphOf } from "./graph.js";
import { viewOf } from "./view.js";

it.each([
  ["127.0.0.1:19100/services/web-1", "http://127.0.0.1:19100/services/web-1"],
  ["unix:/run/all.sock:/services/web-1", "unix:/run/all.sock:/services/web-1"],
])("shows a service whose API stands at %s as %s", (place, shown) => {
  const graph = graphOf([{ id: "web-1", service: "web", file: "web.yaml", dependencies: [] }]);
  if ("cycles" in graph) throw new Error("there is a cycle");
  const fleet: Pick<Fleet, "graph" | "member" | "missing"> = { graph, member: () => undefined, missing: () => [] };
  expect(viewOf(fleet, () => place).services).toMatchObject([{ id: "web-1", api: shown, state: "pending" }]);
});
