import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { commands } from "./commands.js";
import { pageOf } from "./find-command.js";
import { everyCommand, reference } from "./reference.js";
import { call } from "./testing/capture.js";
import { prepareWidths, textWidth } from "./text-width.js";

await prepareWidths("訂單");

const all = await everyCommand(commands);
const written = new URL("../COMMANDS.md", import.meta.url);

describe("the manual pages", () => {
  it.each(all.map(({ name }) => name))("fit 80 columns: %s", async (name) => {
    const { code, out, err } = await call([...name.split(" ").slice(1), "--help"]);
    expect([code, err]).toEqual([0, ""]);
    expect(out.split("\n").filter((line) => textWidth(line) > 80)).toEqual([]);
  });

  it.each(all.filter(({ module }) => module.page).map((found) => [found.name, found] as const))(
    "say what %s does, with an example and what its exit codes mean",
    async (name, found) => {
      const { out } = await call(["help", ...name.split(" ").slice(1)]);
      expect(out).toMatch(/^NAME\n {2}legation [\s\S]+\nSYNOPSIS\n {2}legation [\s\S]+\nDESCRIPTION\n/);
      expect(out).toContain("\nEXAMPLES\n");
      if (found.module.run) expect(out).toContain("\nEXIT STATUS\n");
      expect((await pageOf(found))?.description).not.toBe("");
    },
  );

  it("are what COMMANDS.md holds (UPDATE_REFERENCE=1 writes it)", async () => {
    const text = await reference(commands);
    if (process.env["UPDATE_REFERENCE"]) writeFileSync(written, text);
    expect(readFileSync(written, "utf8")).toBe(text);
  });

  it("show the commands in groups, within 80 columns", async () => {
    const { out } = await call(["--help"]);
    expect(out).toMatch(/Run the mesh:[\s\S]+See it:[\s\S]+Know why:[\s\S]+Steer it:[\s\S]+Prove it:/);
    expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
    for (const { name } of commands) expect(out).toContain(`\n  ${name} `);
  });
});
