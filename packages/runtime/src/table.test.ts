import { describe, expect, it } from "vitest";
import { ConfigError, loadConfig } from "./config.js";

import { option } from "./kinds.js";
import { printConfig } from "./print-config.js";

const table = {
  checks: option.tables({
    description: "Checks.",
    fields: {
      name: option.string({ description: "Name.", required: true }),
      interval: option.duration({ description: "Interval.", default: 5_000 }),
      http: option.object({
        description: "HTTP.",
        fields: {
          path: option.string({ description: "Path.", default: "/" }),
          headers: option.map({ description: "Headers.", default: {}, secret: true }),
          tls: option.object({ description: "TLS.", fields: { ca: option.string({ description: "CA." }) } }),
        },
      }),
    },
    check: ({ http, name }) => (http ? undefined : `${name} has no kind. Add http.`),
  }),
};
const load = (text: string) => loadConfig(table, { file: { path: "service.yaml", text } });
const problems = (text: string): readonly string[] => {
  try {
    load(text);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe("a list of maps in a configuration", () => {
  it("reads each map with its defaults, and leaves groups out that nobody named", () => {
    expect(load("checks:\n- name: a\n  http: {}\n- name: b\n  interval: 1s\n  http: {path: /x, tls: {}}").values).toEqual({
      checks: [
        { name: "a", interval: 5_000, http: { path: "/", headers: {}, tls: undefined } },
        { name: "b", interval: 1_000, http: { path: "/x", headers: {}, tls: { ca: undefined } } },
      ],
    });
    expect(load("").values.checks).toEqual([]);
  });

  it.each([
    ["checks: 3", 'service.yaml:1: checks: 3 is not a list. Begin each of its maps with "- ".'],
    ["checks:\n- 3", 'service.yaml:2: checks[0]: 3 is not a map. Write its settings as "key: value".'],
    ["checks:\n- name: a\n  htpp: {}", "service.yaml:3: checks[0].htpp: there is no such key. Did you mean http?"],
    ["checks:\n- http: {}", "service.yaml:2: checks[0].name: the value is missing. Write one, or leave the line out."],
    [
      "checks:\n- name: a\n  http:\n    path:",
      "service.yaml:4: checks[0].http.path: the value is missing. Write one, or leave the line out.",
    ],
    [
      "checks:\n- name: a\n  http:\n    zzz: 1",
      "service.yaml:4: checks[0].http.zzz: there is no such key. Known here: path, headers, tls.",
    ],
    [
      "checks:\n- name: a\n  http: {}\n- name: b\n  interval: 5",
      "service.yaml:5: checks[1].interval: 5 is not a duration. Write 5s, 250ms or 1m.",
    ],
    ["checks:\n- name: a\n  http: {headers: [x]}", "service.yaml:3: checks[0].http.headers: the value is no map."],
    ["checks:\n- name: a", "service.yaml:2: checks[0]: a has no kind. Add http."],
  ])("refuses %j and says where", (text, sentence) => expect(problems(text)).toEqual([sentence]));

  it("prints what was set so that it can be read again, but no secrets", () => {
    const text = "checks: [{name: a, interval: 1m, http: {path: /x}}]";
    const { values, origins } = load(text);
    const printed = printConfig(table, values, origins);
    expect(load(printed).values).toEqual(values);
    const secret = load("checks: [{name: a, http: {headers: {authorization: hunter2}}}]");
    expect(printConfig(table, secret.values, secret.origins)).not.toContain("hunter2");
  });
});
