import { createTestClock } from "@legation/runtime/testing";
import { describe, expect, test } from "vitest";
import { createComplaints } from "./complaints.js";

describe("complaints", () => {
  const setUp = () => {
    const clock = createTestClock();
    const complaints = createComplaints(clock, 60_000);
    const said: string[] = [];
    return { clock, complaints, said, about: (kind: string) => complaints.about(kind, (unsaid) => said.push(`${kind} ${unsaid}`)) };
  };

  test("are said at once, and then once per interval with the number of those in between", async () => {
    const { clock, about, said } = setUp();
    for (let second = 0; second < 180; second++) {
      about("down");
      await clock.advance(1_000);
    }
    expect(said).toEqual(["down 0", "down 59", "down 59"]);
  });

  test("of another kind are said at once, and so are all after the end of the trouble", () => {
    const { complaints, about, said } = setUp();
    about("down");
    about("forbidden");
    about("down");
    complaints.forget();
    about("down");
    expect(said).toEqual(["down 0", "forbidden 0", "down 0"]);
  });

  test("of very many kinds take bounded memory", () => {
    const { about, said } = setUp();
    for (let i = 0; i < 1_001; i++) about(`kind ${i}`);
    about("kind 1000");
    about("kind 0");
    expect(said).toHaveLength(1_002);
    expect(said.at(-1)).toBe("kind 0 0");
  });
});
