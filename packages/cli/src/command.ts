/** What a command is: a name, a line about it, and the code that is loaded only when it runs. */

/** What the process gives a command; Node's `process` fits. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** Where text goes. `columns` is the width of the terminal, undefined where there is none. */
export interface Output {
  write(text: string): unknown;
  readonly columns?: number | undefined;
}

/** Runs a command with the arguments behind its name; resolves to the exit code (`exit-code.ts`). Rejects with what cannot be expected. */
export type Run = (argv: string[], io: Io) => Promise<number>;

/** One command of `legation`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands, without a full stop. */
  readonly summary: string;
  /** Loads the command's code. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** Every command, in the order in which `--help` shows them. */
export const commands: readonly Command[] = [
  {
    name: "control-plane",
    summary: "Serve Consul's registry to Envoys as their configuration",
    load: () => import("./commands/control-plane.js"),
  },
  {
    name: "agent",
    summary: "Run beside a service: register it, check it, run its Envoy",
    load: () => import("./commands/agent.js"),
  },
  {
    name: "services",
    summary: "List the services that a control plane sees, and their health",
    load: () => import("./commands/services.js"),
  },
  {
    name: "proxies",
    summary: "List a control plane's proxies, and what each has accepted",
    load: () => import("./commands/proxies.js"),
  },
  {
    name: "intentions",
    summary: "List who may call whom, or say what becomes of a call and why",
    load: () => import("./commands/intentions.js"),
  },
  {
    name: "audit",
    summary: "List who changed what, and who was refused what",
    load: () => import("./commands/audit.js"),
  },
  {
    name: "security-events",
    summary: "List what may be an attack, or is about to lock somebody out",
    load: () => import("./commands/security-events.js"),
  },
  {
    name: "policy",
    summary: "Check, apply, sign, compare and take back the mesh's policies",
    load: () => import("./commands/policy.js"),
  },
  {
    name: "prove",
    summary: "Prove on a mesh on this machine that restarts lose no request",
    load: () => import("./commands/prove.js"),
  },
  {
    name: "drain",
    summary: "Take an instance out of service without a lost request",
    load: () => import("./commands/drain.js"),
  },
  {
    name: "undrain",
    summary: "Put a drained instance back into service",
    load: () => import("./commands/undrain.js"),
  },
  {
    name: "restart",
    summary: "Restart an instance's process without a lost request",
    load: () => import("./commands/restart.js"),
  },
  {
    name: "check-now",
    summary: "Let an instance's checks look now, and show what they found",
    load: () => import("./commands/check-now.js"),
  },
  {
    name: "maintenance",
    summary: "Hold an instance out of service until told otherwise",
    load: () => import("./commands/maintenance.js"),
  },
  { name: "version", summary: "Print the version", load: () => import("./commands/version.js") },
];
