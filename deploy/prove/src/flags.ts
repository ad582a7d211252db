/** The flags of `prove rollout`. */
import { parseArgs } from "node:util";
import { LegationError } from "@legation/runtime";
import type { Fault } from "./fault.js";
import { faults } from "./faults/index.js";
import { kills } from "./faults/kills.js";
import { type Identity, identities } from "./identity.js";

/** What the proof was asked to do. */
export interface RolloutFlags {
  readonly help: boolean;
  readonly json: boolean;
  readonly requests: number;
  readonly restarts: number;
  /** Requests a second. */
  readonly rate: number;
  /** Names of faults; all of them when empty. */
  readonly only: readonly string[];
  /** kill -9 at every step instead of the faults. */
  readonly kills: boolean;
  readonly identity: Identity;
}

/** The text of `--help`; 80 columns. */
export const usage = `legation prove rollout [flags]: restarts lose no request.

Starts a mesh on loopback: Consul, the control plane, three services (HTTP/1.1,
HTTP/2, gRPC streams) of three instances, each with its agent and Envoy, and two
callers with their own. Sends requests on a fixed schedule, whatever becomes of
those before, restarts one instance of each service after the other, and lets a
part fail at a step of the stop order in every second restart.

  --requests N   go on until N requests were due (default: 20000)
  --restarts N   and each instance was restarted N times (default: 4)
  --rate N       requests a second, a third of each kind (default: 150)
  --only FAULT   only this fault between plain restarts; may be repeated. One of
${wrapped(faults.map(({ name }) => name))}
  --kills        instead: kill -9 of agent, Envoy and service of one instance
                 at each step of its stop and start. What no proxy may repeat
                 (POST, streams) and was in flight at a kill is counted apart
  --identity M   off (default): plain text; strict: mutual TLS alone, and
                 intentions that deny all other calls
  --long         1,000,000 requests, 900 a second, unless said otherwise
  --json         print the figures as JSON, and progress on standard error
  --help         this text

Exit codes: 0 when no request failed, 1 when one did or a part did not do what
it should, 2 for wrong flags.`;

/** Parses the command line. Throws a LegationError with code `usage` whose message says what is wrong and what is possible. */
export function parseFlags(argv: readonly string[]): RolloutFlags {
  const values = parsed(argv);
  const number = (name: "requests" | "restarts" | "rate", usual: number): number => {
    const given = values[name];
    const value = Number(given ?? usual);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new LegationError("usage", `--${name} ${given}: give a whole number from 1`);
  };
  const known = values.kills ? kills : faults;
  for (const name of values.only ?? [])
    if (!known.some((fault) => isNamed(fault, name)))
      throw new LegationError("usage", `--only ${name}: give one of ${known.map((fault) => fault.name).join(", ")}`);
  const identity = identities.find((one) => one === (values.identity ?? "off"));
  if (!identity) throw new LegationError("usage", `--identity ${values.identity}: give one of ${identities.join(", ")}`);
  return {
    identity,
    help: values.help ?? false,
    json: values.json ?? false,
    kills: values.kills ?? false,
    requests: number("requests", values.long ? 1_000_000 : values.kills ? 1 : 20_000),
    restarts: number("restarts", 4),
    rate: number("rate", values.long ? 900 : 150),
    only: values.only ?? [],
  };
}

/** True when `name` is the fault's, or all of it before the "@". */
export function isNamed(fault: Fault, name: string): boolean {
  return fault.name === name || fault.name.startsWith(`${name}@`);
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        help: { type: "boolean", short: "h" },
        json: { type: "boolean" },
        long: { type: "boolean" },
        kills: { type: "boolean" },
        requests: { type: "string" },
        restarts: { type: "string" },
        rate: { type: "string" },
        only: { type: "string", multiple: true },
        identity: { type: "string" },
      },
    }).values;
  } catch (cause) {
    throw new LegationError("usage", cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function wrapped(names: readonly string[]): string {
  const lines: string[] = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length + 2 <= 78) lines[lines.length - 1] = `${last}, ${name}`;
    else lines.push(`                 ${name}`);
  }
  return lines.join(",\n");
}
