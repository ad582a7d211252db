/** Holds `LOGS.md` against the events that the sources write. UPDATE_GOLDEN=1 rewrites its table. */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type LogEvent, logEvents } from "./log-events.js";
import { sources } from "./sources.js";

const path = new URL("../../LOGS.md", import.meta.url);
/** The one template that stands for the names of others is the exception. */
const isName = /^(?:<event>|[a-z]+(?:-[a-z]+)*\.(?:[a-z]+|<\w+>))(?:-(?:[a-z]+|<\w+>))*$/;
const mark = "<!-- events -->\n";

function rowOf({ name, levels, fields, says, packages }: LogEvent): string {
  const cells = [`\`${name}\``, packages.join(", "), levels.join(", "), fields.map((field) => `\`${field}\``).join(" "), says];
  return `| ${cells.map((cell) => (cell === "" ? " " : cell)).join(" | ")} |`;
}

const events = logEvents(sources());

test("every event is in the reference as it stands in the sources, and no other", () => {
  expect(events.length).toBeGreaterThan(150);
  const table = ["| event | written by | level | fields | says |", "|---|---|---|---|---|", ...events.map(rowOf)].join("\n");
  const [before = "", written = ""] = readFileSync(path, "utf8").split(mark);
  if (process.env["UPDATE_GOLDEN"]) writeFileSync(path, `${before}${mark}\n${table}\n`);
  else expect(lines(written), "run this test with UPDATE_GOLDEN=1, and read what changed").toEqual(lines(table));
});

test("every event is named by what it is about and what happened to it", () => {
  expect(events.map(({ name }) => name).filter((name) => !isName.test(name))).toEqual([]);
});

/** The rows without the widths that a formatter gives to columns. */
function lines(table: string): readonly string[] {
  return table
    .split("\n")
    .map((line) => line.replace(/ +/g, " ").trim())
    .filter((line) => /\w/.test(line));
}
