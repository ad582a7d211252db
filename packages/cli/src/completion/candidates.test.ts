import { describe, expect, it } from "vitest";
import { commands } from "../commands.js";
import { candidates } from "./candidates.js";

const names = async (of: string) => ({ service: ["orders", "web"], instance: ["orders-1"], proxy: ["n1/orders-1"] })[of] ?? [];
const words = async (...line: string[]) => (await candidates(line, commands, names)).words.map(({ word }) => word);

describe("what can stand at the end of a command line", () => {
  it("is a command, or a command below one", async () => {
    expect(await words("")).toEqual([...commands.map(({ name }) => name), "help"]);
    expect(await words("pol")).toEqual(["policy"]);
    expect(await words("policy", "ro")).toEqual(["rollback"]);
    expect(await words("help", "policy", "ro")).toEqual(["rollback"]);
    expect(await words("help", "serv")).toEqual(["services"]);
    expect(await words("nonsense", "")).toEqual([]);
  });

  it("is a flag of the command's own table, also in its negative form", async () => {
    expect(await words("services", "--w")).toEqual(["--watch"]);
    expect(await words("policy", "apply", "--no")).toEqual(["--no-wait"]);
    expect(await words("services", "--he")).toEqual(["--help"]);
    expect(await words("-")).toEqual(["--help"]);
  });

  it("is a value: a choice of the table, a file, or a name of the mesh", async () => {
    expect(await words("agent", "--protocol", "ht")).toEqual(["http", "http2"]);
    expect(await words("agent", "--protocol=ht")).toEqual(["--protocol=http", "--protocol=http2"]);
    expect(await words("agent", "--protocol", "=", "ht")).toEqual(["http", "http2"]);
    expect((await candidates(["agent", "--config", ""], commands, names)).files).toBe("file");
    expect((await candidates(["policy", "apply", "-f", "x"], commands, names)).files).toBe("file");
    expect((await candidates(["drain", "--state-dir", ""], commands, names)).files).toBe("directory");
    expect(await words("policy", "plan", "--from", "")).toEqual(["orders", "web"]);
    expect(await words("instances", "--service", "o")).toEqual(["orders"]);
    expect(await words("graph", "--format", "d")).toEqual(["dot"]);
    expect(await words("proxies", "--state", "re")).toEqual(["refused"]);
  });

  it("is an operand in its place", async () => {
    expect(await words("intentions", "check", "")).toEqual(["orders", "web"]);
    expect(await words("intentions", "check", "web", "--path", "/x", "o")).toEqual(["orders"]);
    expect(await words("maintenance", "")).toEqual(["on", "off"]);
    expect(await words("maintenance", "on", "")).toEqual(["orders-1"]);
    expect(await words("drain", "orders-1", "")).not.toContain("orders-1");
  });
});
