import { type CaRoots, type Consul, ConsulError } from "@legation/consul";
import { createTestClock } from "@legation/runtime/testing";
import { expect, it } from "vitest";
import { createIssuer } from "../testing/issuer.js";
import { createRootsSource, type RootsFollower } from "./roots.js";

const pems = new Map(["x", "y", "z"].map((id) => [id, createIssuer().root]));
const idOf = (pem: string) => [...pems].find(([, known]) => known.trim() === pem)?.[0] ?? "";
const rootsOf = (...ids: string[]): CaRoots => ({
  ActiveRootID: ids.at(-1) ?? "",
  TrustDomain: ids.length > 0 ? "a.consul" : "",
  Roots: ids.map((ID) => ({ ID, Name: ID, RootCert: pems.get(ID) ?? ID, IntermediateCerts: null, Active: ID === ids.at(-1) })),
});

function bench() {
  const clock = createTestClock();
  const waiting: ((answer: CaRoots | Error) => void)[] = [];
  let index = 0;
  const consul: Pick<Consul, "get"> = {
    get: <T>(_path: string, options: { readonly signal?: AbortSignal } = {}) =>
      new Promise<{ data: T; index: number; knownLeader: boolean; lastContactMs: number; filteredByAcl: boolean; bytes: number }>(
        (resolve, reject) => {
          options.signal?.addEventListener("abort", () => reject(options.signal?.reason));
          waiting.push((data) => {
            if (data instanceof Error) reject(data);
            else resolve({ data: data as T, index: ++index, knownLeader: true, lastContactMs: 0, filteredByAcl: false, bytes: 0 });
          });
        },
      ),
  };
  const source = createRootsSource(consul, clock);
  const told: string[] = [];
  const follower = (name: string): RootsFollower => ({
    onRoots: ({ active, trusted }) => void told.push(`${name}: ${active} of ${trusted.map(idOf).join()}`),
    onProblem: (error) => void told.push(`${name}: ${(error as Error).message}`),
    onRegained: () => void told.push(`${name}: regained`),
  });
  const take = (): string[] => told.splice(0);
  /** Answers the question that waits, and lets the next one come. */
  const answer = async (data: CaRoots | Error): Promise<void> => {
    waiting.shift()?.(data);
    await clock.advance(2_000);
  };
  return { source, follower, answer, take, waiting };
}

it("asks once for all who follow, tells each change, and what is known to who comes later", async () => {
  const { source, follower, answer, take, waiting } = bench();
  const leave = [source.follow(follower("a")), source.follow(follower("b"))];
  expect(waiting).toHaveLength(1);
  await answer(rootsOf("x"));
  expect(take()).toEqual(["a: x of x", "b: x of x"]);
  await answer(rootsOf("x"));
  expect(take()).toEqual([]);
  await answer(rootsOf("x", "y"));
  expect(take()).toEqual(["a: y of x,y", "b: y of x,y"]);
  leave.push(source.follow(follower("c")));
  expect(take()).toEqual(["c: y of x,y"]);
  for (const end of leave) end();
  await answer(rootsOf("z"));
  expect([take(), waiting]).toEqual([[], []]);
});

it("tells a problem to all, to who comes later too, and when it is over", async () => {
  const { source, follower, answer, take } = bench();
  source.follow(follower("a"));
  await answer(new ConsulError("consul.no-connect", "off"));
  source.follow(follower("b"));
  expect(take()).toEqual(["a: off", "b: off"]);
  await answer(rootsOf());
  expect(take()).toEqual([
    "a: regained",
    "b: regained",
    "a: Consul's CA is still being set up: it has no root yet.",
    "b: Consul's CA is still being set up: it has no root yet.",
  ]);
  await answer(rootsOf("x"));
  expect(take()).toContain("a: x of x");
});

it.each(["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])(
  "keeps the roots that are known where Consul tells of %j instead",
  async (garbage) => {
    const { source, follower, answer, take } = bench();
    source.follow(follower("a"));
    await answer(rootsOf("x"));
    await answer(rootsOf("x", garbage));
    expect(take()).toEqual(["a: x of x", expect.stringMatching(/^a: .*certificate/)]);
    source.follow(follower("b"));
    expect(take()[0]).toBe("b: x of x");
    await answer(rootsOf("y"));
    expect(take()).toContain("a: y of y");
  },
);
