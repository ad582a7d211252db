import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type HealthRecord, openRecord } from "./record.js";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
function scene() {
  const folder = mkdtempSync(join(tmpdir(), "legation-health-"));
  folders.push(folder);
  const path = join(folder, "health.json");
  const lost: string[] = [];
  return { folder, path, file: openRecord(path), read: () => openRecord(path).read((why) => lost.push(why)), lost };
}
const record: HealthRecord = {
  uptime: { at: 1_700_000_000_000, position: 3_700_000, minutes: [[60, 50_000, 10_000]], hours: [[1, 90_000, 10_000]] },
  history: [{ check: "http", outcome: "pass", message: "passes", at: 5, responseTimeMs: 1.5 }],
  verdicts: { http: { level: "DEGRADED", failures: 1, successes: 0, message: "refused", output: "x" } },
};
const nothing = { history: [], verdicts: {} };

describe("the health record", () => {
  it("reads back as it was written, and leaves no other file", () => {
    const { file, read, lost, folder } = scene();
    expect(read()).toEqual(nothing);
    file.write(record);
    file.write(record);
    expect(read()).toMatchObject(record);
    expect(lost).toEqual([]);
    expect(readdirSync(folder)).toEqual(["health.json"]);
  });

  it.each(["", "\0\0\0", "{", "null", "3", "[]", '{"version":2}', '{"version":1', "x".repeat(300_000)])(
    "survives garbage (%#), and says that it was lost",
    (text) => {
      const { path, read, lost } = scene();
      writeFileSync(path, text);
      expect(read()).toEqual(nothing);
      expect(lost).toHaveLength(1);
    },
  );

  it.each([
    { at: -1 },
    { position: "x" },
    { minutes: [[60, 50_000, 20_000]] },
    { minutes: [[9_999, 1, 1]] },
    { hours: [[1, Number.NaN, 1]] },
    { hours: [[1, 1]] },
    { hours: Array.from({ length: 500 }, () => [0, 1, 1]) },
  ])("takes no time that cannot be: %j", (patch) => {
    const { path, read } = scene();
    writeFileSync(path, JSON.stringify({ version: 1, ...record, uptime: { ...record.uptime, ...patch } }));
    expect(read()).toEqual({ history: record.history, verdicts: record.verdicts });
  });

  it("keeps the results and verdicts that are whole", () => {
    const { path, read } = scene();
    const history = [{ check: "http" }, 7, ...record.history, { ...record.history[0], at: 1e300 }];
    const verdicts = { ...record.verdicts, tcp: { level: "UNHEALTHY" }, grpc: null };
    writeFileSync(path, JSON.stringify({ version: 1, history, verdicts }));
    expect(read()).toEqual({ history: record.history, verdicts: record.verdicts });
  });
});
