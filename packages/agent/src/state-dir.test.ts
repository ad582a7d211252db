import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openStateDir } from "./state-dir.js";

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "legation-state-")), "a", "b");
});
afterEach(() => rmSync(join(directory, "..", ".."), { recursive: true, force: true }));

describe("the state directory", () => {
  it("keeps its identity and what was put there", () => {
    const first = openStateDir(directory);
    first.keep({ node: "n1", ports: { admin: 1 } });
    first.keep({ restarts: 2 });
    first.close();
    const second = openStateDir(directory);
    expect(second.uuid).toBe(first.uuid);
    expect(second.kept).toEqual({ node: "n1", ports: { admin: 1 }, restarts: 2 });
    second.close();
  });

  it("is held by one living agent alone", () => {
    const first = openStateDir(directory);
    expect(() => openStateDir(directory)).toThrow(
      new RegExp(`another agent \\(pid ${process.pid}\\) uses the state directory .*--state-dir`),
    );
    first.close();
    openStateDir(directory).close();
  });

  it("is taken over from an agent that was killed", () => {
    openStateDir(directory).close();
    writeFileSync(join(directory, "agent.json"), JSON.stringify({ pid: 1, startTime: "0", boot: "earlier" }));
    openStateDir(directory).close();
  });

  it("starts afresh where its files are broken", () => {
    openStateDir(directory).close();
    writeFileSync(join(directory, "kept.json"), "{ half");
    const again = openStateDir(directory);
    expect(again.kept).toEqual({});
    again.close();
  });

  it.each([
    ["null", {}],
    ["[1]", {}],
    [
      '{"node":5,"ports":{"admin":"x","inbound":70000,"outbound":7},"restarts":"3","lastRestart":1e300,"healthy":1}',
      { ports: { outbound: 7 } },
    ],
    ['{"mode":"strict","tls":"accepted"}', { mode: "strict", tls: "accepted" }],
    ['{"mode":"harsh","tls":true}', {}],
  ])("takes of %s in its files only what can be used", (text, kept) => {
    openStateDir(directory).close();
    writeFileSync(join(directory, "kept.json"), text);
    writeFileSync(join(directory, "agent.json"), text);
    const again = openStateDir(directory);
    expect(again.kept).toEqual(kept);
    again.close();
  });

  it("goes on when nothing can be written any more, and says so once", () => {
    const problems: (string | undefined)[] = [];
    const state = openStateDir(directory, (problem) => problems.push(problem));
    rmSync(directory, { recursive: true });
    state.keep({ envoyDrained: true });
    state.keep({ restarts: 1 });
    state.writeReady({ id: "a", node: "n", admin: "127.0.0.1:1", pids: { agent: 1 } });
    expect(state.kept).toEqual({ envoyDrained: true, restarts: 1 });
    expect(problems).toEqual([expect.stringContaining("ENOENT")]);
    mkdirSync(directory);
    state.keep({ restarts: 1 });
    expect(JSON.parse(readFileSync(join(directory, "kept.json"), "utf8"))).toEqual({ envoyDrained: true, restarts: 1 });
    expect(problems).toHaveLength(2);
    expect(problems[1]).toBeUndefined();
    state.close();
  });

  it("leaves nothing of taking the lock behind", () => {
    openStateDir(directory).close();
    writeFileSync(join(directory, "agent.json"), JSON.stringify({ pid: 1, startTime: "0", boot: "earlier" }));
    const state = openStateDir(directory);
    expect(readdirSync(directory).sort()).toEqual(["agent-uuid", "agent.json"]);
    state.close();
  });

  it("says which directory cannot be used and how to choose another", () => {
    writeFileSync(join(directory, "..", "..", "file"), "");
    expect(() => openStateDir(join(directory, "..", "..", "file", "x"))).toThrow(/state directory .*cannot be used: .*--state-dir/);
  });

  it("writes and removes ready.json", () => {
    const state = openStateDir(directory);
    state.writeReady({ id: "a", node: "n", admin: "127.0.0.1:1", pids: { agent: 1 } });
    expect(JSON.parse(readFileSync(join(directory, "ready.json"), "utf8"))).toMatchObject({ id: "a", pids: { agent: 1 } });
    state.removeReady();
    expect(existsSync(join(directory, "ready.json"))).toBe(false);
    state.close();
  });
});
