import { createBackoff, createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { bookEvents } from "../admin/event-book.js";
import { type CertificateInUse, createMigration, type MigrationOptions } from "./migration.js";
import type { TlsProof } from "./tls-progress.js";

const leaf: CertificateInUse = { directory: "/leaf", mark: "1" };

/** A migration whose proofs are answered by hand. */
function scene(options: Partial<MigrationOptions> = {}) {
  const clock = createTestClock();
  const { log, book } = bookEvents(createLogger({ name: "test", level: "silent" }), clock.now);
  const asked: { proof: TlsProof; signal: AbortSignal; answer: (problem?: string) => void; fail: (error: Error) => void }[] = [];
  const world = { certificate: leaf as CertificateInUse, registered: true, obstacle: undefined as string | undefined };
  const moves: string[] = [];
  const ask = (proof: TlsProof) => (signal: AbortSignal) =>
    new Promise<string | undefined>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      asked.push({ proof, signal, answer: resolve, fail: reject });
    });
  const migration = createMigration({
    mode: "off",
    kept: "plain",
    certificate: () => world.certificate,
    registered: () => world.registered,
    prove: { handshake: ask("handshake"), callers: ask("callers"), plaintext: ask("plaintext") },
    obstacle: () => world.obstacle,
    clock,
    backoff: createBackoff({ base: 100, max: 1_000, jitter: 0 }),
    log,
    onMove: ({ mode, tls }) => moves.push(`${mode} ${tls}`),
    onChange: () => migration.look(),
    ...options,
  });
  migration.begin();
  const answer = async (problem?: string): Promise<void> => {
    asked.at(-1)?.answer(problem);
    await clock.advance(0);
  };
  const order = async (mode: "off" | "permissive" | "strict"): Promise<void> => {
    migration.order(mode);
    await clock.advance(0);
  };
  const proofs = (): string[] => asked.map(({ proof }) => proof);
  const events = (name: string) => book.list().filter(({ event }) => event === name);
  return { clock, migration, world, asked, proofs, moves, answer, order, events };
}

describe("a migration", () => {
  it("goes from off to strict and back by one proof after the other, and tells each move", async () => {
    const { migration, proofs, moves, answer, order, events } = scene();
    await order("permissive");
    await answer();
    await order("strict");
    await answer();
    expect(migration.status).toMatchObject({ mode: "strict", tls: "required", cause: "the callers' proxies use TLS" });
    expect(migration.status.waits).toBeUndefined();
    await order("off");
    await answer();
    expect(migration.status).toMatchObject({ mode: "off", tls: "plain" });
    expect(proofs()).toEqual(["handshake", "callers", "plaintext"]);
    expect(moves).toEqual([
      ...["permissive plain", "permissive accepted", "strict accepted"],
      ...["strict required", "off required", "off plain"],
    ]);
    expect(events("identity.tls").map(({ before, tls }) => `${before} ${tls}`)).toEqual([
      "plain accepted",
      "accepted required",
      "required plain",
    ]);
    expect(events("identity.mode").map(({ mode }) => mode)).toEqual(["permissive", "strict", "off"]);
  });

  it("tries a failed proof again with a growing wait, and reports once what lasts", async () => {
    const { clock, migration, asked, answer, order, events } = scene();
    await order("permissive");
    for (const wait of [100, 200, 400]) {
      await answer("refused the connection");
      const before = asked.length;
      await clock.advance(wait - 1);
      expect(asked).toHaveLength(before);
      await clock.advance(1);
      expect(asked).toHaveLength(before + 1);
    }
    await answer("refused the connection");
    expect(migration.status.waits).toBe("mutual TLS with its own inbound address is tried: refused the connection");
    expect(events("identity.waiting").map(({ waits }) => waits)).toEqual([migration.status.waits]);
    await clock.advance(800);
    asked.at(-1)?.fail(new Error("the files are gone"));
    await clock.advance(0);
    expect(migration.status.waits).toMatch(/the files are gone$/);
    await clock.advance(1_000);
    await answer();
    expect(migration.status.tls).toBe("accepted");
  });

  it("drops what it tries when another mode is ordered, and begins anew at once", async () => {
    const { migration, asked, answer, order, proofs } = scene({ mode: "strict", kept: "accepted" });
    await order("strict");
    await answer();
    expect(proofs()).toEqual(["handshake", "callers"]);
    await order("permissive");
    expect(asked[1]?.signal.aborted).toBe(true);
    await order("strict");
    expect(proofs()).toEqual(["handshake", "callers", "callers"]);
    asked[1]?.answer();
    await order("strict");
    expect(migration.status.tls).toBe("accepted");
    await answer();
    expect(migration.status.tls).toBe("required");
  });

  it("waits for what stands in the way, says so, and goes on when it is gone", async () => {
    const { clock, migration, world, asked, answer, order, proofs } = scene();
    world.obstacle = "Envoy is starting";
    await order("permissive");
    expect(proofs()).toEqual([]);
    expect(migration.status.waits).toBe("mutual TLS with its own inbound address is tried: Envoy is starting");
    world.obstacle = undefined;
    migration.look();
    await clock.advance(0);
    expect(proofs()).toEqual(["handshake"]);
    world.obstacle = "Envoy has died";
    migration.look();
    await clock.advance(0);
    expect(asked[0]?.signal.aborted).toBe(true);
    world.obstacle = undefined;
    migration.look();
    await clock.advance(0);
    expect(proofs()).toEqual(["handshake", "handshake"]);
    await answer();
    expect(migration.status.tls).toBe("accepted");
  });

  it("takes up a certificate that comes late, tries each new one, and goes back to plain text without", async () => {
    const { clock, migration, world, answer, proofs, events } = scene({ mode: "permissive" });
    world.certificate = { problem: "Consul has no CA" };
    migration.look();
    await clock.advance(0);
    expect(migration.status.waits).toBe("there is no certificate: Consul has no CA");
    expect(events("identity.waiting")).toHaveLength(1);
    world.certificate = leaf;
    migration.look();
    await clock.advance(0);
    await answer();
    expect(migration.status.tls).toBe("accepted");
    world.certificate = { ...leaf, mark: "2" };
    migration.look();
    await clock.advance(0);
    expect(proofs().at(-1)).toBe("handshake");
    await answer();
    expect(migration.status).toMatchObject({ tls: "accepted" });
    world.certificate = { problem: "it has ended" };
    migration.look();
    expect(migration.status).toMatchObject({ tls: "plain", cause: "there is no certificate any more: it has ended" });
  });

  it("holds an instance back that starts under strict, until it has spoken mutual TLS", async () => {
    const { migration, answer, order } = scene({ mode: "strict", kept: undefined, registered: () => false });
    expect(migration.status.tls).toBe("required");
    expect(migration.withheld).toMatch(/^identity is strict, and mutual TLS is not there yet/);
    await order("strict");
    await answer();
    expect(migration.withheld).toBeUndefined();
    expect(migration.status.tls).toBe("required");
  });

  it("tries nothing any more once it is stopped", async () => {
    const { clock, migration, asked, order } = scene();
    await order("permissive");
    migration.stop();
    await clock.advance(5_000);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.signal.aborted).toBe(true);
  });
});
