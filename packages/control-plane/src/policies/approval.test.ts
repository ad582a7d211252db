import { describe, expect, it } from "vitest";
import { headKey } from "./blobs.js";
import { proposalPrefix } from "./proposals.js";
import { signStatement } from "./signing-key.js";
import { createMemoryKv } from "./testing/memory-kv.js";
import { access, createOperators, createReplica, identity } from "./testing/replica.js";

const operators = createOperators("ann", "bob", "cid");
const trust = operators.trust();

/** Two replicas of which both have taken a guarded strict identity, approved by ann and bob. */
async function guarded(floor: string[] = []) {
  const kv = createMemoryKv();
  const [one, two] = [createReplica(kv, operators.trust(...floor)), createReplica(kv, operators.trust(...floor))];
  await one.approve(await one.apply(access(2, "ann", "bob", "cid"), identity("mesh", "strict")), operators, "ann", "bob");
  await one.take();
  await two.take();
  return { kv, one, two };
}

describe("a guarded bundle", () => {
  it("waits for its signatures, and is live at each replica when it has them", async () => {
    const { one, two } = await guarded();
    const waits = await one.apply(identity("mesh", "off"));
    expect(waits).toMatchObject({
      state: "awaiting-approval",
      changed: ["Identity/mesh"],
      lacks: ["Identity/mesh needs 2 of the signatures of ann, bob, cid by Access/guard"],
    });
    expect(await one.approve(waits, operators, "cid")).toMatchObject({
      state: "awaiting-approval",
      lacks: ["Identity/mesh needs 2 of the signatures of ann, bob, cid by Access/guard, and has that of cid"],
    });
    expect(await two.approve(waits, operators, "cid")).toMatchObject({ state: "awaiting-approval" });
    expect(await two.approve(waits, operators, "ann")).toMatchObject({ state: "accepted", version: 2 });
    expect((await one.take())?.policies.of("Identity")).toMatchObject([{ mode: "off" }]);
    expect((await two.take())?.approved.sequence).toBe(2);
    expect(await one.proposals.list()).toEqual([]);
  });

  it("is not even proposed by whom it is not permitted", async () => {
    const { one } = await guarded();
    const permit = () => Promise.reject(new Error("not within your bounds"));
    const change = { set: [identity("mesh", "off")], author: "eve", reason: "", permit };
    await expect(one.editor.change(change)).rejects.toThrow("not within your bounds");
    expect(await one.proposals.list()).toEqual([]);
    expect((await one.take())?.policies.of("Identity")).toMatchObject([{ mode: "strict" }]);
  });

  it("counts an operator once, whatever the number of signatures, and nobody without a key", async () => {
    const { one } = await guarded();
    const waits = await one.apply(identity("mesh", "off"));
    expect(await one.approve(waits, operators, "ann", "ann", "ann")).toMatchObject({ state: "awaiting-approval" });
    const stranger = createOperators("eve", "bob");
    await expect(one.approve(waits, stranger, "eve")).rejects.toThrow(
      "eve, whom this control plane does not know. It trusts ann, bob, cid",
    );
    await expect(one.approve(waits, stranger, "bob")).rejects.toThrow("the signature is not one of bob");
  });

  it("goes live by its signatures alone: one that nobody has to sign any more has to be proposed again", async () => {
    const { one } = await guarded();
    const waits = await one.apply(identity("mesh", "off"));
    expect(await one.approve(await one.remove("Access/guard"), operators, "ann", "bob")).toMatchObject({ state: "accepted" });
    await one.take();
    await expect(one.approve(waits, operators)).rejects.toThrow("guarded policies have changed since it was proposed");
    expect((await one.take())?.policies.of("Identity")).toMatchObject([{ mode: "strict" }]);
  });

  it("takes a signature only as it is written to the store, so that none makes an approval which nobody can read", async () => {
    const { one, kv } = await guarded();
    const waits = await one.apply(identity("mesh", "off"));
    if (waits.state !== "awaiting-approval") throw new Error("it does not wait");
    const { proposal } = await one.proposals.get(waits.proposal);
    const good = signStatement(proposal.statement, operators.keys.get("ann")?.privatePem ?? "");
    for (const odd of [`${good}\n`, good.replace(/=+$/, ""), `${good}#`, good.replaceAll("+", "-").replaceAll("/", "_").replace(/=/, "")])
      await expect(one.proposals.sign(waits.proposal, { key: "ann", signature: odd })).rejects.toThrow("the signature is not one of ann");
    await kv.put(`${proposalPrefix}${waits.proposal}/ann`, `${good} `);
    expect((await one.proposals.get(waits.proposal)).signatures).toEqual([]);
    expect(await one.approve(waits, operators, "ann", "bob")).toMatchObject({ state: "accepted" });
    expect((await one.take())?.policies.of("Identity")).toMatchObject([{ mode: "off" }]);
  });

  it("leaves what it does not guard to each operator alone, also while a proposal waits", async () => {
    const { one, two } = await guarded();
    const waits = await one.apply(identity("mesh", "off"));
    const narrow = { ...access(1, "ann"), name: "narrow", kinds: ["Access"] };
    expect(await one.approve(await one.apply(narrow), operators, "ann")).toMatchObject({ state: "accepted" });
    await expect(one.approve(waits, operators, "ann", "bob")).rejects.toThrow("guarded policies have changed since it was proposed");
    expect((await two.take())?.manifest.version).toBe(2);
  });

  it.each([
    ["weaker", access(1, "ann", "bob", "cid")],
    ["of other keys", access(2, "eve", "mallory")],
    ["of other kinds", { ...access(2, "ann", "bob", "cid"), kinds: ["Access"] }],
  ])("is not made %s without the signatures that it asks for", async (_how, weaker) => {
    const { one } = await guarded();
    expect(await one.apply(weaker)).toMatchObject({ state: "awaiting-approval" });
    expect(await one.approve(await one.apply(access(1, "ann")), operators, "ann")).toMatchObject({ state: "awaiting-approval" });
  });

  it("cannot be taken away without them, nor by a roll-back to the time before", async () => {
    const { one } = await guarded();
    expect(await one.remove("Access/guard")).toMatchObject({ state: "awaiting-approval" });
    expect(await one.editor.change({ set: [], replace: true, author: "", reason: "" })).toMatchObject({ state: "awaiting-approval" });
    const first = one.taken()?.id ?? "";
    await one.approve(await one.apply(identity("mesh", "off")), operators, "ann", "bob");
    await one.take();
    expect(await one.editor.rollback(first, { author: "", reason: "" })).toMatchObject({ state: "awaiting-approval" });
    expect(await one.approve(await one.remove("Access/guard"), operators, "bob", "cid")).toMatchObject({ state: "accepted" });
  });

  it("is no use again when a later one is in force: neither its head nor its approval under a newer bundle", async () => {
    const { kv, one, two } = await guarded();
    const old = kv.entries.get(headKey);
    await one.approve(await one.apply(identity("mesh", "off")), operators, "ann", "bob");
    await two.take();
    if (old) kv.entries.set(headKey, old);
    await expect(two.take()).rejects.toThrow("approval 1 is old: 2 was in force, and an approval cannot be used again");
    expect(two.taken()?.manifest.version).toBe(2);
    // Even a replica that was away, and sees it for the first time, does not lose what it has.
    expect((await one.take())?.manifest.version).toBe(1);
  });

  it.each([
    ["an approval that is left out", null, "is guarded, and the bundle has no approval"],
    ["guarded documents that nobody signed", "same", "is guarded, and is not as it was signed"],
  ])("is refused by every replica when somebody writes to the store: %s", async (_what, approval, why) => {
    const { one, two } = await guarded();
    const head = await one.store.head();
    const document = identity("mesh", "off");
    const manifest = head.bundle?.manifest;
    if (!manifest) throw new Error("no bundle");
    const hash = await one.store.put(JSON.stringify(document, Object.keys(document).sort()), "x");
    const documents = { ...manifest.documents, "Identity/mesh": hash };
    await one.store.commit({ ...manifest, version: 9, documents, approval: approval === null ? null : manifest.approval }, head.index);
    for (const replica of [one, two]) await expect(replica.take()).rejects.toThrow(why);
    expect(two.taken()?.policies.of("Identity")).toMatchObject([{ mode: "strict" }]);
  });

  it("is refused without any policy of the store by a replica whose own file asks for signatures", async () => {
    const kv = createMemoryKv();
    const [open, strict] = [createReplica(kv, trust), createReplica(kv, operators.trust("require 2 of ann bob for kinds Identity"))];
    expect(await open.apply(identity("mesh", "off"))).toMatchObject({ state: "accepted" });
    await expect(strict.take()).rejects.toThrow("Identity/mesh is guarded, and the bundle has no approval");
    const waits = await strict.apply(identity("other", "off", "web")).catch((error: Error) => error.message);
    expect(waits).toContain("Identity/mesh is guarded");
  });

  it("is refused by a replica that was started without keys, or for another mesh", async () => {
    const { kv } = await guarded();
    await expect(createReplica(kv).take()).rejects.toThrow("needs 2 of the signatures of ann, bob, cid");
    await expect(createReplica(kv, operators.trust("mesh staging")).take()).rejects.toThrow(
      'approval 1 is for mesh "", and this one is "staging"',
    );
    expect((await createReplica(kv, trust).take())?.manifest.version).toBe(1);
  });

  it("is followed through several approvals by a replica that was away, each by its own signers", async () => {
    const { kv, one, two } = await guarded();
    const web = { ...access(1, "cid"), name: "web", kinds: ["Access"] };
    await one.approve(await one.apply(web), operators, "cid");
    await one.take();
    await one.approve(await one.apply(identity("mesh", "permissive")), operators, "ann", "bob");
    expect((await two.take())?.approved.sequence).toBe(3);
    expect((await createReplica(kv, trust).take())?.policies.of("Identity")).toMatchObject([{ mode: "permissive" }]);
  });
});
