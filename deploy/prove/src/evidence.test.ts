import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { keepEvidence } from "./evidence.js";

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

describe("the evidence of a proof that fails", () => {
  it("is every plain file, at its place", async () => {
    const dir = mkdtempSync(join(tmpdir(), "evidence-"));
    made.push(dir);
    mkdirSync(join(dir, "log"));
    writeFileSync(join(dir, "log", "orders-1.log"), "a line\n");
    symlinkSync("/dev/zero", join(dir, "endless"));
    const kept = await keepEvidence(dir);
    made.push(kept);
    expect(readFileSync(join(kept, "log", "orders-1.log"), "utf8")).toBe("a line\n");
    expect(() => readFileSync(join(kept, "endless"))).toThrow(/ENOENT/);
  });
});
