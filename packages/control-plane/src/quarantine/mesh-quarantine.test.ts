/** What proxies refuse at any control plane. */
import type { QuarantineView } from "@legation/contract/api";
import { expect, test } from "vitest";
import type { Gather } from "../replicas/gather.js";
import { createMeshQuarantine } from "./mesh-quarantine.js";

const refused = (name: string): QuarantineView => ({
  ...{ type: "cluster", name, service: name, policies: [], documents: [], instead: "last-good", version: "1", node: "n/1" },
  ...{ message: "no", since: "2026-01-01T00:00:00.000Z", text: `${name} was refused` },
});

test("each refused resource is told once, and who is silent is named", async () => {
  const gather: Gather = async ({ read }) => ({
    answers: [{ replica: "r2", address: "b:1", value: read({ quarantined: [refused("orders"), refused("web")] }) }],
    silent: ["c:1 refused the connection"],
  });
  const { quarantined, silent } = await createMeshQuarantine({ gather, own: () => [refused("orders")] }).list();
  expect(quarantined.map(({ name }) => name)).toEqual(["orders", "web"]);
  expect(silent).toEqual(["c:1 refused the connection"]);
});
