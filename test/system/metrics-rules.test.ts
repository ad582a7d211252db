/** The rules and dashboards of deploy/ without a mesh: their queries parse, each alert is tested and says where to read what to do. */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "@legation/local";
import { describe, expect, it, onTestFinished } from "vitest";
import { dashboardExpressions, dashboards, namesOf, ruleExpressions } from "./metrics-page.js";
import { prometheusHere, promtool, rulesDirectory } from "./prometheus-fixture.js";

const rules = readFileSync(join(rulesDirectory, "alerting.rules.yml"), "utf8");
const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);

describe("the alerts", () => {
  it.each(alerts)("%s leads to a paragraph that says what to do", (alert) => {
    const [, link = ""] = new RegExp(`- alert: ${alert}\\n[^]*?runbook_url: (\\S+)`).exec(rules) ?? [];
    const [path = "", anchor] = link.split("#");
    const headings = [...readFileSync(join(repositoryRoot, path), "utf8").matchAll(/^### (\w+)$/gm)].map(([, heading = ""]) =>
      heading.toLowerCase(),
    );
    expect(anchor).toBe(alert.toLowerCase());
    expect(headings).toContain(anchor);
  });

  it("are each tested to fire and to be silent", () => {
    const tests = readFileSync(join(rulesDirectory, "alerting_test.yml"), "utf8");
    const tested = (alert: string) =>
      [...tests.matchAll(new RegExp(`alertname: ${alert}\\n +exp_alerts:( \\[\\])?\\n`, "g"))].map(([, none]) =>
        none ? "silent" : "fires",
      );
    expect(alerts.length).toBeGreaterThan(20);
    expect(alerts.filter((alert) => tested(alert).join() !== "fires,silent")).toEqual([]);
  });
});

describe("the names that a query asks for", () => {
  it.each([
    ['sum by (service) (rate(a_total{b="c"}[5m])) > 0', ["a_total"]],
    ['a:b:max == 0 and on (service) d{e=~"f|g"} > 0 * 2', ["a:b:max", "d"]],
    ["histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m]))) or absent(y)", ["x_bucket", "y"]],
  ])("%s", (expression, names) => expect(namesOf(expression)).toEqual(names));
});

describe("the dashboards", () => {
  it.each(dashboards())("$where is one that Grafana 9 and later can import", ({ text }) => {
    const board = JSON.parse(text);
    expect(board).toMatchObject({ id: null, uid: expect.stringMatching(/^legation-/), schemaVersion: 37, editable: true });
    expect(board.templating.list[0]).toMatchObject({ name: "datasource", type: "datasource", query: "prometheus" });
    const ids = board.panels.map(({ id }: { id: number }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const panel of board.panels) {
      expect(Object.keys(panel.gridPos).sort()).toEqual(["h", "w", "x", "y"]);
      if (panel.type === "row") continue;
      expect(["timeseries", "stat", "table", "state-timeline", "heatmap"]).toContain(panel.type);
      expect(panel.datasource).toEqual({ type: "prometheus", uid: `\${datasource}` });
      expect(panel.targets.length, panel.title).toBeGreaterThan(0);
      expect(panel.description, panel.title).toBeTruthy();
    }
  });
});

it("has Prometheus in CI, where nothing may be left out", () => {
  expect(process.env["CI"] !== "true" || prometheusHere.length === 1).toBe(true);
});

describe.each(prometheusHere)("promtool $version", () => {
  it("takes the rules and the configuration", async () => {
    for (const args of [
      ["check", "rules", "recording.rules.yml", "alerting.rules.yml"],
      ["check", "config", "prometheus.yml"],
    ])
      expect(await promtool(args)).toMatchObject({ code: 0 });
  });

  it("finds that each alert fires, and is silent, where it should", async () => {
    const { code, said } = await promtool(["test", "rules", "alerting_test.yml"]);
    expect(code, said).toBe(0);
  });

  it("can read every query of the rules and the dashboards", async () => {
    const directory = await mkdtemp(join(tmpdir(), "legation-rules-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const all = [...ruleExpressions(), ...dashboardExpressions()];
    expect(dashboardExpressions().length).toBeGreaterThan(20);
    const rows = all.map(({ expression }, i) => `      - { record: "query:${i}", expr: ${JSON.stringify(expression)} }\n`);
    const file = join(directory, "queries.yml");
    writeFileSync(file, `groups:\n  - name: queries\n    rules:\n${rows.join("")}`);
    const { code, said } = await promtool(["check", "rules", file]);
    expect(code, said).toBe(0);
  });
});
