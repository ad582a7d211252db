import type { Answer, Consul } from "@legation/consul";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, it } from "vitest";
import type { KeptState } from "../state-dir.js";
import { createControlPlaneTls } from "./control-plane-tls.js";

type Rows = readonly { readonly ServicePort: number; readonly ServiceMeta: Readonly<Record<string, string>> | null }[];
const at = { Address: "127.0.0.1", ServiceAddress: "", ServicePort: 8080 };
const [secure, plain] = [
  { ...at, ServiceMeta: { tls: "true" } },
  { ...at, ServiceMeta: null },
];

function bench(rows: Rows | Error, kept: KeptState = {}) {
  const clock = createTestClock();
  const self = { rows, kept, asked: 0, changes: 0, events: [] as string[], clock };
  const consul: Pick<Consul, "get"> = {
    async get<T>(): Promise<Answer<T>> {
      self.asked += 1;
      if (self.rows instanceof Error) throw self.rows;
      return { data: self.rows as T, index: 1, knownLeader: true, lastContactMs: 0, filteredByAcl: false, bytes: 0 };
    },
  };
  const tls = createControlPlaneTls({
    consul,
    stateDir: {
      get kept() {
        return self.kept;
      },
      keep(patch) {
        self.kept = { ...self.kept, ...patch };
      },
    },
    clock,
    log: createLogger({
      name: "test",
      level: "info",
      destination: { write: (line: string) => void self.events.push((JSON.parse(line) as { event: string }).event) },
    }),
    onChange: () => {
      self.changes += 1;
    },
    random: () => 0.5,
  });
  return Object.assign(self, { tls });
}

it("is spoken when every control plane says so, which is asked for until it is, and then each minute", async () => {
  const test = bench([]);
  await test.tls.begin();
  expect(test.tls.spoken).toBe(false);
  test.rows = [secure, plain];
  await test.clock.advance(5_000);
  expect([test.tls.spoken, test.changes]).toEqual([false, 0]);
  test.rows = [secure, secure];
  await test.clock.advance(20_000);
  expect([test.tls.spoken, test.changes]).toEqual([true, 1]);
  const { asked } = test;
  await test.clock.advance(600_000);
  expect(test.asked - asked).toBe(10);
  test.tls.stop();
  await test.clock.advance(600_000);
  expect(test.asked - asked).toBe(10);
});

it("stays as it was last heard while Consul is away or names no control plane, and is given up only when one says otherwise", async () => {
  const test = bench(new Error("away"), { controlPlaneTls: true });
  await test.tls.begin();
  await test.clock.advance(600_000);
  expect([test.tls.spoken, test.events]).toEqual([true, ["identity.control-plane-unseen"]]);
  test.rows = [];
  await test.clock.advance(600_000);
  expect(test.tls.spoken).toBe(true);
  test.rows = [plain];
  await test.clock.advance(600_000);
  expect([test.tls.spoken, test.changes]).toEqual([false, 1]);
  test.tls.stop();
});
