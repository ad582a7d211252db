import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkExecutable, checkLimits, gated, neverBegun } from "./launcher.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "legation-launcher-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Runs a command behind the gate, with `word` as what comes over it. */
function behind(word: string, argv: readonly string[], setting: Parameters<typeof gated>[1] = {}) {
  const [file = "", ...args] = gated(argv, setting);
  const gate = spawnSync("/bin/sh", ["-c", `printf '${word}' | "$0" "$@" 3<&0 </dev/null`, file, ...args], { encoding: "utf8" });
  return { code: gate.status, out: gate.stdout, err: gate.stderr };
}

describe("the gate before a process", () => {
  it("lets the process begin with its arguments as they are, once the line has come", () => {
    expect(behind("go\\n", ["printf", "%s|", "a b", "$HOME", "'"])).toEqual({ code: 0, out: "a b|$HOME|'|", err: "" });
  });

  it("never lets it begin when the agent dies before", () => {
    expect(behind("", ["touch", join(directory, "begun")])).toEqual({ code: neverBegun, out: "", err: "" });
    expect(() => checkExecutable(join(directory, "begun"), undefined, undefined)).toThrow("not found");
  });

  it("leaves its own descriptor to nobody", () => {
    expect(behind("go\\n", ["/bin/sh", "-c", "ls /proc/$$/fd"]).out.split("\n")).not.toContain("3");
  });

  it("sets the umask and the limits", () => {
    const script = "umask; ulimit -n; ulimit -c; ulimit -v";
    const set = behind("go\\n", ["/bin/sh", "-c", script], { umask: "027", limits: { nofile: 100, core: 1_024, as: 2 ** 31 } });
    expect(set.out).toBe("0027\n100\n2\n2097152\n");
  });

  it("keeps the pid: what was the gate is the process", async () => {
    const [file = "", ...args] = gated(["/bin/sh", "-c", "echo $$"], {});
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit", "pipe"] });
    let out = "";
    child.stdout?.on("data", (chunk) => {
      out += chunk;
    });
    (child.stdio[3] as NodeJS.WritableStream).end("go\n");
    await new Promise((resolve) => child.once("close", resolve));
    expect(out.trim()).toBe(String(child.pid));
  });
});

describe("what is checked before", () => {
  it("finds an executable in PATH or by its path, from the working directory", () => {
    writeFileSync(join(directory, "tool"), "#!/bin/sh\n", { mode: 0o755 });
    expect(() => checkExecutable("tool", undefined, `/nowhere:${directory}`)).not.toThrow();
    expect(() => checkExecutable("./tool", directory, undefined)).not.toThrow();
    expect(() => checkExecutable("tool", undefined, "/nowhere")).toThrow('cannot start "tool": not found in PATH');
    expect(() => checkExecutable("./tool", join(directory, "gone"), undefined)).toThrow(/its working directory .*gone is not there/);
  });

  it("tells a file that may not be run from one that is missing", () => {
    writeFileSync(join(directory, "text"), "", { mode: 0o644 });
    expect(() => checkExecutable(join(directory, "text"), undefined, undefined)).toThrow("is not executable. Make it so with chmod +x");
  });

  it("refuses a limit above the hard one unless root sets it, and says what to do", () => {
    const table =
      "Limit                     Soft Limit           Hard Limit           Units\nMax open files            1024                 4096                 files\nMax address space         unlimited            unlimited            bytes\n";
    expect(() => checkLimits({ nofile: 4_096, as: 2 ** 40 }, false, () => table)).not.toThrow();
    expect(() => checkLimits({ nofile: 4_097 }, false, () => table)).toThrow(
      "limits.nofile: 4097 is above the hard limit of 4096 that the agent runs under. Raise that (systemd: LimitNOFILE=), or write 4096 or less",
    );
    expect(() => checkLimits({ nofile: 4_097 }, true, () => table)).not.toThrow();
  });
});
