/** What a server tells of its streams. */
import { expect, it } from "vitest";
import { createScene, resource } from "./testing/scene.js";
import { DeltaClient } from "./testing/scripted-client.js";
import { TypeUrl } from "./type.js";

const { cluster, listener } = TypeUrl;

it("tells of streams one by one as of all at once, and which resources each was sent: of a refused one what it was before", async () => {
  const { cache, server } = createScene();
  const [good, bad, changed] = [resource(cluster, "good"), resource(cluster, "bad"), resource(cluster, "good", "other")];
  cache.replace("all", [good, bad]);
  const clients = ["node-1", "node-2"].map((id) => new DeltaClient(server, id));
  for (const client of clients) {
    client.send({ typeUrl: cluster, resourceNamesSubscribe: ["*"] });
    client.ack(await client.one());
  }
  expect([...server.statuses()]).toEqual(server.status());
  const [first] = server.status((node) => node === "node-1");
  const sent = () => server.sent(first?.stream ?? 0, cluster).sort((a, b) => (a.name < b.name ? -1 : 1));
  expect(sent()).toEqual([bad, good]);
  cache.replace("all", [changed, bad]);
  const [refusing] = clients;
  refusing?.nack(await refusing.one(), "cluster good: refused");
  expect(sent()).toEqual([bad, good]);
  expect([server.sent(first?.stream ?? 0, listener), server.sent(4_711, cluster)]).toEqual([[], []]);
});
