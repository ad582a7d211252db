/** The command line of the identity bench. */
import { parseArgs } from "node:util";

/** What was asked for. */
export interface Options {
  /** Of load for each figure of each round. */
  readonly seconds: number;
  readonly rounds: number;
  /** Requests a second. */
  readonly rate: number;
  /** By mutual TLS, also let the callee's Envoy enforce intentions. */
  readonly enforce: boolean;
}

const help = `npm run bench -- identity [--seconds 5] [--rounds 8] [--rate 400] [--enforce] [--short]

Mutual TLS beside plain text through the same two Envoys: latency of requests, and CPU of both Envoys for each.
Starts Consul, a control plane, a caller and two services on loopback, and changes the mesh's Identity policy between
off and strict from one half of a round to the other, so that both are measured in the same processes. Prints medians of
the rounds and their ratios.

  --seconds N  of load for each kind of connection in each half of a round
  --rounds N   each is plain text first, then mutual TLS
  --rate N     requests a second, each sent when it is due whatever became of those before
  --enforce    strict enforces Consul's intentions too (allow); without it, it is TLS alone that is measured
  --short      2 rounds of 2 seconds: that it works, not how fast

Exit codes: 0, 1 when a request failed, 2 for wrong options.
`;

/** Parses the options; the text to print for `--help`. Throws an Error that says what is wrong. */
export function readOptions(argv: readonly string[]): Options | string {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: "string" },
      rounds: { type: "string" },
      rate: { type: "string" },
      enforce: { type: "boolean", default: false },
      short: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return help;
  const number = (name: "seconds" | "rounds" | "rate", usual: number): number => {
    const value = Number(values[name] ?? usual);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new Error(`--${name} ${values[name]}: give a whole number from 1`);
  };
  return {
    seconds: number("seconds", values.short ? 2 : 5),
    rounds: number("rounds", values.short ? 2 : 8),
    rate: number("rate", 400),
    enforce: values.enforce,
  };
}
