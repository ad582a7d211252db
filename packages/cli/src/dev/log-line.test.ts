import { expect, it } from "vitest";
import { paper } from "../screen.js";
import { lineWriter } from "./log-line.js";

const write = lineWriter(["consul", "web", "orders"], new Set(["services"]), paper);

it.each([
  ["web", '{"level":"info","event":"service.output","line":"hi","msg":"hi","service":"web"}', "web    | hi\n"],
  ["web", '{"level":"warn","event":"x","msg":"slow","error":{"message":"because"}}', "web    | warn: slow: because\n"],
  ["web", "no JSON", "web    | no JSON\n"],
  ["web", '{"no":"message"}', 'web    | {"no":"message"}\n'],
  ["services", '{"level":"info","service":"orders","msg":"two\\nlines"}', "orders | two\norders | lines\n"],
  ["consul", "2026-01-01T00:00:00.000Z [WARN]  agent: no leader", "consul | warn: agent: no leader\n"],
  ["consul", '2026-01-01T00:00:00.000Z [ERROR] agent.http: Request error: method=GET error="unknown service ID"', ""],
  ["consul", "           Version: '1.19.2'", ""],
])("shows %s's line %s readably", (name, line, shown) => expect(write(name, line)).toBe(shown));

it("lets no line steer the terminal, and shows names and trouble in colours", () => {
  expect(write("web", "\u001b[31mred\u001b[0m\u001b[2J\u0008")).toBe("web    | red\\u0008\n");
  const coloured = lineWriter(["web"], new Set(), { width: 80, colour: true });
  expect(coloured("web", '{"level":"error","msg":"broken"}')).toBe("\u001b[36mweb\u001b[0m | \u001b[31merror: broken\u001b[0m\n");
});
