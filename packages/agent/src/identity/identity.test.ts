import { ConsulError } from "@legation/consul";
import { createLogger } from "@legation/runtime";
import { createTestClock, type TestClock } from "@legation/runtime/testing";
import { describe, expect, it } from "vitest";
import { createIssuer, type Issuer, trustDomain } from "../testing/issuer.js";
import type { LeafPems } from "./certificate.js";
import type { CertificateSet } from "./files.js";
import { createIdentity, type Identity } from "./identity.js";
import type { RootsFollower } from "./roots.js";
import type { SavedCertificates } from "./store.js";

const [first, second] = [createIssuer(), createIssuer()];
const hour = 3_600_000;
const start = Date.UTC(2024, 0, 1);
/** Lives for 100 hours, so that an hour is a hundredth of it. */
const leafAt = (issuer: Issuer, fromHour: number, service = "orders") =>
  issuer.leaf(service, start + fromHour * hour, start + (fromHour + 100) * hour);

interface Bench {
  readonly identity: Identity;
  readonly clock: TestClock;
  /** What Consul answers from now on. */
  leaf: LeafPems | ConsulError;
  asked: number;
  /** The directory is there. */
  stands: boolean;
  /** Nothing can be written. */
  full: boolean;
  /** Behind the path of a directory that is made from now on. */
  moved: string;
  readonly written: CertificateSet[];
  readonly events: Record<string, unknown>[];
  names(): unknown[];
  roots(...issuers: Issuer[]): void;
  rootsFail(error: Error): void;
  rootsRegained(): void;
  begin(adopted?: boolean): Promise<void>;
}

function bench(leaf: LeafPems | ConsulError, saved?: SavedCertificates, wanted: "auto" | "on" = "auto"): Bench {
  const clock = createTestClock(start);
  const events: Record<string, unknown>[] = [];
  const written: CertificateSet[] = [];
  let follower: RootsFollower | undefined;
  const self: Bench = {
    identity: createIdentity({
      service: "orders",
      wanted,
      ca: {
        async leaf() {
          self.asked += 1;
          if (self.leaf instanceof Error) throw self.leaf;
          const { chain, key } = self.leaf;
          const facts = { SerialNumber: "", Service: "orders", ServiceURI: "", ValidAfter: "", ValidBefore: "" };
          return answer({ ...facts, CertPEM: chain, PrivateKeyPEM: key });
        },
        roots: () => Promise.reject(new Error("the roots are known already")),
      },
      roots: {
        follow(next) {
          follower = next;
          return () => {};
        },
      },
      store: {
        prepare: async () => {},
        stands: () => self.stands,
        saved: () => saved,
        write(set) {
          if (self.full) throw new Error("ENOSPC: no space left on device");
          written.push(set);
          self.stands = true;
          return `/run/certificates${self.moved}`;
        },
      },
      controlPlaneTls: { spoken: false, begin: async () => {}, stop() {} },
      clock,
      log: createLogger({
        name: "test",
        level: "info",
        destination: { write: (line: string) => void events.push(JSON.parse(line) as Record<string, unknown>) },
      }),
      onChange: () => {},
      random: () => 0.5,
    }),
    clock,
    leaf,
    asked: 0,
    stands: true,
    full: false,
    moved: "",
    written,
    events,
    names: () => events.map(({ event }) => event),
    roots: (...trusted) =>
      follower?.onRoots({ trustDomain, trusted: trusted.map(({ root }) => root), active: fingerprintOf(trusted.at(-1)) }),
    rootsFail: (error) => follower?.onProblem(error),
    rootsRegained: () => follower?.onRegained(),
    async begin(adopted = false) {
      const begun = self.identity.begin(adopted, new AbortController().signal, () => {});
      await clock.advance(0);
      if (!(self.leaf instanceof Error)) self.roots(first);
      else self.rootsFail(self.leaf);
      await clock.advance(100);
      await begun;
    },
  };
  return self;
}

function answer<T>(data: T) {
  return { data, index: 7, knownLeader: true, lastContactMs: 0, filteredByAcl: false, bytes: 0 };
}

const fingerprintOf = (issuer: Issuer | undefined) => (issuer === first ? ids[0] : ids[1]) ?? "";
const { X509Certificate } = await import("node:crypto");
const ids = [first, second].map(({ root }) => new X509Certificate(root).fingerprint.toLowerCase());

const away = new ConsulError("consul.unreachable", "Consul is away");
const noConnect = new ConsulError("consul.no-connect", "Connect must be enabled");
const forbidden = new ConsulError("consul.forbidden", "the token lacks service:write");
const savedOf = (leaf: LeafPems): SavedCertificates => ({ leaf, roots: [first.root], directory: "/run/before" });

describe("a certificate", () => {
  it("is asked for again when three fifths of its life are over, until Consul has renewed it", async () => {
    const test = bench(leafAt(first, -1));
    await test.begin();
    expect(test.identity.status).toMatchObject({ phase: "valid", root: ids[0], directory: "/run/certificates", renewals: 0 });
    await test.clock.advance(58 * hour);
    expect(test.asked).toBe(1);
    await test.clock.advance(4 * hour);
    expect(test.asked).toBeGreaterThan(10);
    expect(test.asked).toBeLessThan(60);
    expect(test.written).toHaveLength(1);
    test.leaf = leafAt(first, 62);
    await test.clock.advance(hour);
    expect(test.identity.status).toMatchObject({ phase: "valid", renewals: 1, notBefore: "2024-01-03T14:00:00.000Z" });
    expect(test.events.find(({ event }) => event === "identity.renewed")).toMatchObject({
      cause: "it was due",
      spiffeId: expect.any(String),
    });
    const asked = test.asked;
    await test.clock.advance(50 * hour);
    expect(test.asked).toBe(asked);
  });

  it("comes with both roots as soon as there is another one, and is replaced by one of it", async () => {
    const old = leafAt(first, -1);
    const test = bench(old);
    await test.begin();
    test.leaf = leafAt(second, -1);
    test.roots(first, second);
    expect(test.written.at(-1)).toEqual({ leaf: old, roots: [first.root, second.root] });
    await test.clock.advance(10_000);
    expect(test.written.at(-1)).toEqual({ leaf: test.leaf, roots: [first.root, second.root] });
    expect(test.identity.status).toMatchObject({ root: ids[1], renewals: 1 });
    expect(test.names()).toEqual(["identity.leaf-written", "identity.roots-changed", "identity.renewed"]);
  });

  it("lies with the roots that are left as soon as Consul takes one away", async () => {
    const test = bench(leafAt(first, -1));
    await test.begin();
    test.leaf = leafAt(second, -1);
    test.roots(first, second);
    await test.clock.advance(10_000);
    test.roots(second);
    expect(test.written.at(-1)).toEqual({ leaf: test.leaf, roots: [second.root] });
    expect(test.identity.status).toMatchObject({ root: ids[1], phase: "valid" });
  });

  it("lies with the roots that count, where they could not be written at once, as soon as they can", async () => {
    const test = bench(leafAt(first, -1));
    await test.begin();
    test.leaf = leafAt(second, -1);
    test.roots(first, second);
    await test.clock.advance(10_000);
    test.full = true;
    test.roots(second);
    await test.clock.advance(10 * 60_000);
    expect(test.written.at(-1)).toEqual({ leaf: test.leaf, roots: [first.root, second.root] });
    expect(test.identity.status).toMatchObject({ phase: "valid", problem: expect.stringContaining("ENOSPC") });
    expect(test.identity.status.failures).toBeLessThan(40);
    test.full = false;
    await test.clock.advance(61_000);
    expect(test.written.at(-1)).toEqual({ leaf: test.leaf, roots: [second.root] });
    expect(test.identity.status.problem).toBeUndefined();
    const count = test.written.length;
    await test.clock.advance(10 * 60_000);
    expect(test.written).toHaveLength(count);
  });

  it("that nobody renews is an alarm near its end, another one at its end, and none after it is renewed", async () => {
    const test = bench(leafAt(first, -1));
    await test.begin();
    test.leaf = away;
    await test.clock.advance(88 * hour);
    expect(test.names()).toEqual(["identity.leaf-written", "identity.failed"]);
    await test.clock.advance(2 * hour);
    expect(test.identity.status).toMatchObject({ phase: "expiring", problem: "Consul is away" });
    await test.clock.advance(10 * hour);
    expect(test.identity.status).toMatchObject({ phase: "expired", directory: "/run/certificates" });
    expect(test.names().slice(2)).toEqual(["identity.expiring", "identity.expired"]);
    test.leaf = leafAt(first, 100);
    await test.clock.advance(2 * 60_000);
    expect(test.identity.status).toMatchObject({ phase: "valid" });
    expect(test.identity.status.problem).toBeUndefined();
    expect(test.names().slice(4)).toEqual(["identity.renewed", "identity.regained"]);
  });

  it("is looked at by the machine's clock, which jumps", async () => {
    const test = bench(leafAt(first, -1));
    let jumped = 0;
    const now = test.clock.now.bind(test.clock);
    (test.clock as { now: () => number }).now = () => now() + jumped;
    await test.begin();
    jumped = 200 * hour;
    test.leaf = leafAt(first, 199);
    await test.clock.advance(61_000);
    expect(test.names()).toEqual(["identity.leaf-written", "identity.expired", "identity.renewed"]);
    jumped = 0;
    await test.clock.advance(61_000);
    expect(test.identity.status).toMatchObject({ phase: "early", reason: expect.stringContaining("clock is behind") });
  });

  it("is written again within a minute where its directory is gone", async () => {
    const test = bench(leafAt(first, -1));
    await test.begin();
    test.stands = false;
    test.moved = "-2";
    await test.clock.advance(60_000);
    expect(test.identity.directory).toBe("/run/certificates-2");
    expect([test.written.length, test.identity.status.renewals]).toEqual([2, 0]);
    expect(test.names()).toEqual(["identity.leaf-written", "identity.directory-lost"]);
    test.stands = false;
    test.moved = "-3";
    test.identity.look();
    await test.clock.advance(1);
    expect(test.identity.directory).toBe("/run/certificates-3");
  });

  it("has no problem any more once Consul tells its roots again, unless it was the leaf's", async () => {
    const test = bench(leafAt(first, -1));
    await test.begin();
    test.rootsFail(away);
    expect(test.identity.status.problem).toBe("Consul is away");
    test.rootsRegained();
    expect(test.identity.status.problem).toBeUndefined();
    const refused = bench(forbidden);
    await refused.begin();
    refused.roots(first);
    await refused.clock.advance(1_000);
    refused.rootsRegained();
    expect(refused.identity.status.problem).toBe("the token lacks service:write");
  });

  it("of another service, or without its own key, is never used, and the key is in no message", async () => {
    const own = leafAt(first, -1);
    for (const [leaf, message] of [
      [leafAt(first, -1, "payments"), /svc\/payments, and this is the service orders/],
      [{ chain: own.chain, key: leafAt(first, -1).key }, /private key is another certificate's/],
      [{ chain: own.chain, key: "secret-words" }, /private key cannot be read/],
      [leafAt(first, -200), /has ended at .*set the machine's clock/],
    ] as const) {
      const test = bench(leaf);
      await test.begin();
      expect(test.identity.status).toMatchObject({ phase: "waiting", problem: expect.stringMatching(message) });
      expect(test.written).toEqual([]);
      expect(JSON.stringify(test.events)).not.toContain(leaf.key.split("\n")[1] ?? leaf.key);
    }
  });
});

describe("at the start", () => {
  it("what the agent before has written counts while Consul is away, unless it has ended", async () => {
    const valid = bench(away, savedOf(leafAt(first, -50)));
    await valid.begin();
    expect(valid.identity).toMatchObject({ directory: "/run/before", status: { phase: "valid" } });
    const ended = bench(away, savedOf(leafAt(first, -150)));
    await ended.begin();
    expect(ended.identity.directory).toBeUndefined();
    const foreign = bench(away, savedOf(leafAt(first, -50, "payments")));
    await foreign.begin();
    expect(foreign.identity.directory).toBeUndefined();
    expect(foreign.names()).toContain("identity.saved-lost");
  });

  it("one that has ended stays with an adopted Envoy, which keeps its path until there is a better one", async () => {
    const test = bench(away, savedOf(leafAt(first, -150)));
    await test.begin(true);
    expect(test.identity).toMatchObject({ directory: "/run/before", status: { phase: "expired" } });
  });

  it.each([
    [noConnect, "off", "identity.off"],
    [forbidden, "waiting", "identity.failed"],
  ] as const)("goes on in plain text where %s, says so once, and has a certificate when that changes", async (error, phase, event) => {
    const test = bench(error);
    await test.begin();
    expect(test.identity).toMatchObject({ directory: undefined, status: { phase, reason: error.message } });
    for (let i = 0; i < 5; i++) test.rootsFail(error);
    expect(test.names()).toEqual([event]);
    test.leaf = leafAt(first, -1);
    test.roots(first);
    await test.clock.advance(60_000);
    expect(test.identity).toMatchObject({ directory: "/run/certificates", status: { phase: "valid", failures: 6 } });
  });

  it("waits without end where there has to be one", async () => {
    const test = bench(noConnect, undefined, "on");
    const waits: string[] = [];
    let begun = false;
    void test.identity
      .begin(false, new AbortController().signal, (reason) => waits.push(reason))
      .then(() => {
        begun = true;
      });
    await test.clock.advance(0);
    test.rootsFail(noConnect);
    await test.clock.advance(60_000);
    expect([begun, waits.at(-1)]).toEqual([false, "a certificate is missing: Connect must be enabled"]);
    test.leaf = leafAt(first, -1);
    test.roots(first);
    await test.clock.advance(60_000);
    expect(begun).toBe(true);
  });
});
