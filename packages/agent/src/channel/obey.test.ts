/** Commands carried out once, with an end that is told. */
import { type Command, type CommandKind, type CommandReport, commandKinds, resultPath } from "@legation/contract";
import { createLogger } from "@legation/runtime";
import { createTestClock } from "@legation/runtime/testing";
import { expect, test } from "vitest";
import type { CommandHandler } from "./handlers.js";
import { createObey } from "./obey.js";

const log = createLogger({ name: "t", level: "fatal", destination: { write: () => undefined } });
const command = (kind: string, id = "c1") => ({ id, kind, replica: "r1" }) as Command;

function scene(o: { readonly fail?: string; readonly body?: unknown } = {}) {
  const clock = createTestClock();
  const told: (CommandReport & { readonly api: string })[] = [];
  const done: string[] = [];
  const down = { times: 0 };
  const handler: CommandHandler = async ({ kind }) => {
    done.push(kind);
    if (o.fail !== undefined) throw new Error(o.fail);
    return { message: "done", ...(o.body === undefined ? {} : { body: o.body }) };
  };
  const handlers = Object.fromEntries(commandKinds.map((kind) => [kind, handler])) as Record<CommandKind, CommandHandler>;
  const contacts = {
    async ask(api: string, path: string, { body }: { readonly body?: unknown }) {
      expect(path).toBe(resultPath);
      if (down.times-- > 0) throw new Error("refused the connection");
      told.push({ ...(body as CommandReport), api });
      return { status: 202, body: "{}" };
    },
  };
  const obey = createObey({ handlers, identity: { node: "n1", id: "o1", service: "orders" }, contacts, clock, log });
  return { obey, told, done, down, clock };
}

test("a command that comes twice is carried out once, and its end told where it came from", async () => {
  const { obey, told, done } = scene({ body: { level: "HEALTHY" } });
  await Promise.all([obey(command("restart"), "http://a"), obey(command("restart"), "http://b")]);
  expect(done).toEqual(["restart"]);
  const result = { command: "c1", replica: "r1", ok: true, message: "done", body: { level: "HEALTHY" } };
  expect(told).toEqual([{ node: "n1", id: "o1", service: "orders", ...result, api: "http://a" }]);
});

test("what fails, and what is not known, is told with the reason", async () => {
  const { obey, told } = scene({ fail: "its attempts are used up" });
  await obey(command("restart"), "http://a");
  await obey(command("dance", "c2"), "http://a");
  expect(told).toMatchObject([
    { ok: false, message: "its attempts are used up" },
    { ok: false, message: expect.stringContaining('does not know the command "dance"') as string },
  ]);
});

test("an answer that is too large is told as that", async () => {
  const { obey, told } = scene({ body: "x".repeat(5 * 1024 * 1024) });
  await obey(command("status"), "http://a");
  expect(told).toMatchObject([{ ok: false, message: expect.stringContaining("more than") as string }]);
  expect(told[0]).not.toHaveProperty("body");
});

test("an end that cannot be told is tried again, and given up after three times", async () => {
  const { obey, told, down, clock } = scene();
  down.times = 2;
  const first = obey(command("drain"), "http://a");
  await clock.advance(5_000);
  await first;
  expect(told).toHaveLength(1);
  down.times = 9;
  const second = obey(command("undrain", "c2"), "http://a");
  await clock.advance(5_000);
  await second;
  expect(told).toHaveLength(1);
  expect(clock.pending).toBe(0);
});
