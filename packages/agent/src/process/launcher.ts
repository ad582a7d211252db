/** The gate before a process: a shell that holds it back until its record is written, sets its limits, and then becomes it. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { LegationError } from "@legation/runtime";
import { isExecutable } from "../executable.js";

/** What the process may use at most; what is absent stays as the agent has it. */
export interface ResourceLimits {
  /** Open files. */
  readonly nofile?: number;
  /** Bytes of a core file. */
  readonly core?: number;
  /** Bytes of address space. */
  readonly as?: number;
}

/** What the shell sets before it becomes the process. */
export interface Setting {
  /** Octal, such as `027`. */
  readonly umask?: string;
  readonly limits?: ResourceLimits;
  /** See `gated`. */
  readonly held?: boolean;
}

/** The exit code of a process that never began: the gate was not opened, or a limit could not be set. */
export const neverBegun = 125;

const shell = "/bin/sh";
/** The descriptor over which the gate is opened. */
export const gateDescriptor = 3;

/** Each limit: how /proc names it, what `ulimit` calls it and counts it in. */
const kinds = {
  nofile: { title: "Max open files", flag: "-n", unit: 1 },
  core: { title: "Max core file size", flag: "-c", unit: 512 },
  as: { title: "Max address space", flag: "-v", unit: 1_024 },
} as const;

/** True where this machine has the shell that the gate is made of. */
export function hasGate(): boolean {
  return existsSync(shell);
}

/**
 * The command line that waits at the gate: it begins once a line comes over `gateDescriptor`, and never when that closes without one.
 * `held` gives the process a parent that outlives the agent: a shell that tells the process's pid over the gate, waits for its end and hands
 * its exit code on. An Envoy that can hot restart asks the kernel for SIGTERM when its parent dies.
 */
export function gated(argv: readonly string[], { umask, limits = {}, held = false }: Setting): readonly string[] {
  const begin = [
    `IFS= read -r opened <&${gateDescriptor} || exit ${neverBegun}`,
    `exec ${gateDescriptor}<&-`,
    ...(umask === undefined ? [] : [`umask ${umask} || exit ${neverBegun}`]),
    ...named(limits).map(([kind, value]) => `ulimit ${kinds[kind].flag} ${Math.floor(value / kinds[kind].unit)} || exit ${neverBegun}`),
    'exec "$@"',
  ];
  return [shell, "-c", (held ? holding(begin) : begin).join("\n"), "legation", ...argv];
}

function holding(begin: readonly string[]): readonly string[] {
  return [
    "trap : HUP INT TERM",
    "(",
    ...begin,
    ") &",
    "pid=$!",
    `echo "$pid" >&${gateDescriptor}`,
    `exec ${gateDescriptor}<&-`,
    'wait "$pid"; code=$?',
    // A signal to the group interrupts the wait.
    'while kill -0 "$pid" 2>/dev/null; do wait "$pid"; code=$?; done',
    'exit "$code"',
  ];
}

/** Throws LegationError "agent.command", in words for a person, when the executable cannot be found or run, or its directory is not there. */
export function checkExecutable(file: string, cwd: string | undefined, path: string | undefined): void {
  const refuse = (why: string): never => {
    throw new LegationError("agent.command", `cannot start ${JSON.stringify(file)}: ${why}`);
  };
  if (cwd !== undefined && !existsSync(cwd)) refuse(`its working directory ${cwd} is not there`);
  const places = file.includes("/")
    ? [resolve(cwd ?? ".", file)]
    : (path ?? "/usr/local/bin:/usr/bin:/bin").split(delimiter).map((directory) => join(resolve(cwd ?? ".", directory), file));
  const there = places.filter((place) => existsSync(place) && statSync(place).isFile());
  if (there.length === 0) refuse(file.includes("/") ? "not found" : "not found in PATH");
  if (!there.some(isExecutable)) refuse(`${there[0]} is not executable. Make it so with chmod +x`);
}

/**
 * Throws LegationError "agent.command" when a limit cannot be set: it is above the hard limit and the process is not root's (`privileged`).
 * `read` gives /proc/self/limits.
 */
export function checkLimits(
  limits: ResourceLimits,
  privileged: boolean,
  read: () => string = () => readFileSync("/proc/self/limits", "utf8"),
): void {
  const wanted = named(limits);
  if (wanted.length === 0) return;
  if (!hasGate())
    throw new LegationError("agent.command", `limits are set by ${shell}, which is not there. Take limits out, or install a shell`);
  if (privileged) return;
  const table = read();
  for (const [kind, value] of wanted) {
    const hard = new RegExp(`^${kinds[kind].title} +\\S+ +(\\d+)`, "m").exec(table)?.[1];
    if (hard !== undefined && value > Number(hard))
      throw new LegationError(
        "agent.command",
        `limits.${kind}: ${value} is above the hard limit of ${hard} that the agent runs under. Raise that (systemd: Limit${kind.toUpperCase()}=), or write ${hard} or less`,
      );
  }
}

function named(limits: ResourceLimits): [keyof typeof kinds, number][] {
  return (Object.keys(kinds) as (keyof typeof kinds)[]).flatMap((kind) => {
    const value = limits[kind];
    return value === undefined ? [] : [[kind, value] as [keyof typeof kinds, number]];
  });
}
