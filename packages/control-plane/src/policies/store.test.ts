import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blobPrefix, headKey, largestBlob } from "./blobs.js";
import { PolicyRefusal } from "./refusal.js";
import { createMemoryKv } from "./testing/memory-kv.js";
import { access, createOperators, createReplica, identity } from "./testing/replica.js";

const modes = ["off", "permissive", "strict"] as const;
const anyChange = fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.constantFrom(...modes, "gone" as const)), {
  minLength: 1,
  maxLength: 4,
});

describe("the store of policies", () => {
  it("gives back, at every replica and for each version, what was applied", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyChange, { minLength: 1, maxLength: 5 }), async (changes) => {
        const kv = createMemoryKv();
        const [writer, reader] = [createReplica(kv), createReplica(kv)];
        const model = new Map<string, string>();
        const versions: string[] = [];
        for (const change of changes) {
          const wanted = new Map(change);
          const remove = [...wanted].filter(([name, mode]) => mode === "gone" && model.has(name)).map(([name]) => name);
          const set = [...wanted].flatMap(([name, mode]) => (mode === "gone" ? [] : [identity(name, mode, name)]));
          const outcome = await writer.editor.change({ set, remove: remove.map((n) => `Identity/${n}`), author: "a", reason: "r" });
          for (const name of remove) model.delete(name);
          for (const document of set) if (document.kind === "Identity") model.set(document.name, document.mode ?? "");
          if (outcome.state === "accepted") versions.push(JSON.stringify([...model].sort()));
          await reader.take();
          const found = reader.taken()?.policies.of("Identity") ?? [];
          expect(found.map(({ name, mode }) => [name, mode])).toEqual([...model].sort());
        }
        const id = reader.taken()?.id;
        if (id === undefined) return;
        const history = await writer.store.history(id, 100);
        expect(history.map(({ manifest }) => manifest.version)).toEqual(versions.map((_, i) => versions.length - i));
      }),
      { numRuns: 40 },
    );
  });

  it("refuses whatever byte is changed, in whatever value, and keeps what it had", async () => {
    const operators = createOperators("ann", "bob");
    const kv = createMemoryKv();
    const [writer, reader] = [createReplica(kv, operators.trust()), createReplica(kv, operators.trust())];
    await writer.approve(await writer.apply(access(2, "ann", "bob"), identity("mesh", "permissive")), operators, "ann", "bob");
    const before = (await reader.take())?.id;
    await writer.take();
    await writer.approve(await writer.apply(identity("mesh", "strict")), operators, "ann", "bob");
    const good = new Map(kv.entries);
    const used = new Set<string>();
    const get = kv.get;
    kv.get = (key, options) => {
      used.add(key);
      return get(key, options);
    };
    await createReplica(kv, operators.trust()).take();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...used), fc.nat(), fc.integer({ min: 1, max: 255 }), async (key, at, flip) => {
        const entry = good.get(key);
        if (!entry) return;
        const value = Buffer.from(entry.value);
        value[at % value.length] = (value[at % value.length] ?? 0) ^ flip;
        kv.entries.set(key, { ...entry, value });
        const fresh = createReplica(kv, operators.trust());
        await expect(fresh.take()).rejects.toThrow();
        expect(fresh.taken()).toBeUndefined();
        kv.entries.set(key, entry);
      }),
      { numRuns: 300 },
    );
    expect(reader.taken()?.id).toBe(before);
  });

  it("holds the old bundle or the new one whole, wherever the writer dies", async () => {
    for (let writes = 0; writes < 8; writes++) {
      const kv = createMemoryKv();
      const writer = createReplica(kv);
      await writer.apply(identity("a", "off", "a"), identity("b", "off", "b"));
      let left = writes;
      kv.onWrite = () => {
        if (left-- === 0) throw new Error("killed");
      };
      await writer.apply(identity("a", "strict", "a"), identity("b", "strict", "b"), identity("c", "strict", "c")).catch(() => undefined);
      kv.onWrite = () => {};
      const seen = (await createReplica(kv).take())?.policies.of("Identity").map(({ mode }) => mode);
      expect(seen).toEqual(writes > 4 ? ["strict", "strict", "strict"] : ["off", "off"]);
    }
  });

  it("takes the changes of many writers at once, none of them lost", async () => {
    const kv = createMemoryKv();
    const names = ["a", "b", "c", "d", "e"];
    await Promise.all(names.map((name) => createReplica(kv).apply(identity(name, "strict", name))));
    const reader = createReplica(kv);
    expect((await reader.take())?.manifest.version).toBe(5);
    expect(reader.keys()).toEqual(names.map((name) => `Identity/${name}`));
  });

  it("says what it does not take, and why", async () => {
    const replica = createReplica(createMemoryKv());
    await replica.apply(identity("a", "off"));
    await expect(replica.apply(identity("b", "off"))).rejects.toThrow("Identity/b: service: Identity/a is for the whole mesh already");
    await expect(replica.remove("Identity/zzz")).rejects.toThrow("there is no Identity/zzz to remove");
    await expect(replica.editor.change({ set: [], author: "", reason: "", expect: "f".repeat(64) })).rejects.toThrow(
      "is not live any more",
    );
    await expect(replica.store.put("x".repeat(largestBlob + 1), "Identity/a")).rejects.toThrow(`Identity/a is ${largestBlob + 1} bytes`);
    expect(await replica.apply(identity("a", "off"))).toMatchObject({ state: "unchanged", version: 1 });
  });

  it("goes back to any version as a new one", async () => {
    const replica = createReplica(createMemoryKv());
    const first = await replica.apply(identity("a", "off"));
    await replica.apply(identity("b", "strict", "web"));
    if (first.state !== "accepted") throw new Error(first.state);
    expect(await replica.editor.rollback(first.bundle, { author: "ann", reason: "worse" })).toMatchObject({
      state: "accepted",
      version: 3,
      changed: ["Identity/b"],
    });
    await replica.take();
    expect(replica.keys()).toEqual(["Identity/a"]);
  });

  it("goes back also from what is refused, whatever of it is damaged, and not on from there", async () => {
    const kv = createMemoryKv();
    const replica = createReplica(kv);
    const first = await replica.apply(identity("a", "off"));
    await replica.apply(identity("b", "strict", "web"));
    const good = await replica.take();
    if (first.state !== "accepted" || !good) throw new Error(first.state);
    for (const head of ["{}", JSON.stringify({ format: "legation-head/1", bundle: "0".repeat(64) })]) {
      await kv.put(headKey, head);
      for (const { key } of await kv.list(`${blobPrefix}${good.manifest.documents["Identity/b"]}`)) kv.entries.delete(key);
      const fresh = createReplica(kv);
      await expect(fresh.take()).rejects.toThrow(PolicyRefusal);
      await expect(replica.apply(identity("c", "off", "c"))).rejects.toThrow(PolicyRefusal);
      const mended = await replica.editor.rollback(good.id, { author: "ann", reason: "mended" });
      expect(mended).toMatchObject({ state: "accepted", version: 3, changed: [] });
      await fresh.take();
      expect(fresh.keys()).toEqual(["Identity/a", "Identity/b"]);
    }
    expect(await replica.editor.rollback(first.bundle, { author: "ann", reason: "worse" })).toMatchObject({
      state: "accepted",
      version: 4,
    });
  });

  it("refuses a bundle whose parts are gone", async () => {
    const kv = createMemoryKv();
    await createReplica(kv).apply(identity("a", "off"));
    for (const [key, entry] of [...kv.entries]) {
      if (key === headKey) continue;
      kv.entries.delete(key);
      await expect(createReplica(kv).take()).rejects.toThrow(`the store lacks ${key}`);
      kv.entries.set(key, entry);
    }
  });
});
