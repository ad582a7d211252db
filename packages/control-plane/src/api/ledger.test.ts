/** The ledger over the API: what is asked, and who may read which change. */
import { describe, expect, it } from "vitest";
import { createGuardedApi } from "../testing/guarded-api.js";
import { changeTo } from "../testing/ledger.js";

const ids = (body: { changes: { id: string }[] }) => body.changes.map(({ id }) => id);

describe("GET /api/ledger", () => {
  it("holds what the caller may read", async () => {
    const { ask } = await createGuardedApi();
    expect(ids((await ask("/api/ledger", "operator")).body)).toEqual(["registry:orders:7", "registry:secret:8"]);
    expect(ids((await ask("/api/ledger", "reader")).body)).toEqual(["registry:orders:7"]);
    expect((await ask("/api/ledger/registry:secret:8", "operator")).body.change).toMatchObject({
      id: "registry:secret:8",
      service: "secret",
    });
    expect((await ask("/api/ledger/registry:secret:8", "reader")).status).toBe(404);
  });

  it("holds the newest that are asked for, oldest first, and says when there are more", async () => {
    const { ask } = await createGuardedApi();
    const all = await ask("/api/ledger?limit=1", "operator");
    expect([ids(all.body), all.body.more, all.body.silent]).toEqual([["registry:secret:8"], true, []]);
    expect(ids((await ask("/api/ledger?service=orders", "operator")).body)).toEqual(["registry:orders:7"]);
    expect(ids((await ask("/api/ledger?kind=policy", "operator")).body)).toEqual([]);
    expect(ids((await ask("/api/ledger?since=2200-01-01T00:00:00Z", "operator")).body)).toEqual([]);
  });

  it("counts nothing that the caller may not read, and names no change of it", async () => {
    const { ask, ledger, clock } = await createGuardedApi();
    await clock.advance(1_000);
    const unread = Array.from({ length: 120 }, (_, i) => changeTo("secret", String(100 + i)));
    ledger.ledger.seen([changeTo("orders", "50"), ...unread], () => {
      ledger.ledger.touched("orders");
      ledger.ledger.publishing();
      ledger.ledger.published(["orders"]);
    });
    const all = await ask("/api/ledger?limit=200", "operator");
    expect(all.body.changes.find(({ id }: { id: string }) => id === "registry:orders:50").together).toContain("registry:secret:199");
    const { body } = await ask("/api/ledger", "reader");
    expect(ids(body)).toEqual(["registry:orders:7", "registry:orders:50"]);
    expect(JSON.stringify(body)).not.toContain("secret");
    expect(ids((await ask("/api/ledger?limit=1", "reader")).body)).toEqual(["registry:orders:50"]);
  });

  it("finds a change whose name has colons", async () => {
    const { ask, ledger } = await createGuardedApi();
    const id = "health:orders:n1/orders:8080@7-leaving";
    ledger.ledger.seen([changeTo("orders", "60", { id, kind: "health" })], () => undefined);
    expect(await ask(`/api/ledger/${encodeURIComponent(id)}`, "reader")).toMatchObject({ status: 200, body: { change: { id } } });
  });

  it("says what is wrong with a question, and that it has no such change", async () => {
    const { ask } = await createGuardedApi();
    expect(await ask("/api/ledger?kind=weather", "operator")).toMatchObject({ status: 400 });
    for (const id of ["registry:orders:9", "nonsense", "registry:"])
      expect(await ask(`/api/ledger/${id}`, "operator")).toMatchObject({ status: 404, body: { code: "ledger.unknown" } });
  });

  it("tells other control planes, and nobody else, of its own changes", async () => {
    const { ask } = await createGuardedApi();
    const filter = { service: "orders", kind: null, since: 0, limit: 5 };
    const question = { method: "POST", payload: { relayed: true, filter } } as const;
    const { body } = await ask("/v1/agents/ledger", "plane", question);
    expect(body.records.map(({ id, what }: { id: string; what: string }) => [id, what])).toEqual([["registry:orders:7", "orders at 7"]]);
    expect((await ask("/v1/agents/ledger", "operator", question)).status).toBe(403);
  });
});
