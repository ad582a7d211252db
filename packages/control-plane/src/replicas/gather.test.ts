/** One question to all other control planes. */
import { expect, test } from "vitest";
import { createGather } from "./gather.js";

const others = ["r2", "r3", "r4"].map((replica) => ({ replica, address: `${replica}:8080`, tls: false }));

function read(answer: unknown): number {
  if (typeof answer !== "number") throw new Error("answered with something else");
  return answer;
}

test("answers are told from silence, with the reason", async () => {
  const gather = createGather({
    others: () => others,
    async ask({ replica }, _path, body) {
      if (replica === "r3") throw new Error("refused the connection");
      return replica === "r4" ? "no number" : (body as { after: number }).after;
    },
  });
  const gathered = await gather({ path: "/", body: ({ replica }) => ({ after: replica === "r2" ? 7 : 0 }), read });
  expect(gathered).toEqual({
    answers: [{ replica: "r2", address: "r2:8080", value: 7 }],
    silent: ["r3:8080 refused the connection", "r4:8080 answered with something else"],
  });
});

test("who does not wait any more is not answered", async () => {
  const unwanted = new AbortController();
  const gather = createGather({
    others: () => others,
    ask: (_to, _path, _body, _limitMs, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
  });
  const gathered = gather({ path: "/", body: () => ({}), read, signal: unwanted.signal });
  unwanted.abort(new Error("gone"));
  await expect(gathered).rejects.toThrow("gone");
});
