/** The flags of `npm run demo`. */
import { parseArgs } from "node:util";
import { type Identity, identities } from "./identity.js";

/** What the demo was asked to do. */
export interface DemoFlags {
  readonly help: boolean;
  /** Play the story without a person, and exit. */
  readonly once: boolean;
  /** Where to write the addresses and pids once all is up. */
  readonly readyFile: string | undefined;
  /** Requests a second. */
  readonly rate: number;
  /** What the policy of the mesh is to say once all is up. */
  readonly identity: Identity;
}

/** The text of `--help`; 80 columns. */
export const usage = `npm run demo [-- flags]: a whole mesh on this machine, on loopback only.

Starts Consul, the control plane and three services (web -> orders -> payments,
six instances), each with its own agent and Envoy; sends requests to web through
its Envoy, and shows what happens until Ctrl-C, which stops everything in order
and leaves nothing behind.

  --once             play a story without a person: kill, stop and start parts
                     while requests run, print what was observed, and exit with
                     0 only if all of it was as it should be (about two minutes)
  --identity MODE    off (default), permissive or strict: with ACLs and default
                     deny in Consul, a least-privilege token for each part, and
                     intentions; the mesh moves to MODE while requests run
  --ready-file FILE  once all is up, write the addresses and pids there as JSON
  --rate N           requests a second, 1 to 500 (default: 50; with --once 100)
  --help             this text

Ports: Consul 8500, API 8080, xDS 18000, web 10000; a free one where one of them
is taken, and always with --once.`;

/** Parses the command line. Throws an Error whose message says what is wrong and what is possible. */
export function parseFlags(argv: readonly string[]): DemoFlags {
  const { values } = parseArgs({
    args: [...argv],
    strict: true,
    allowPositionals: false,
    options: {
      help: { type: "boolean", default: false },
      once: { type: "boolean", default: false },
      "ready-file": { type: "string" },
      rate: { type: "string" },
      identity: { type: "string", default: "off" },
    },
  });
  const rate = Number(values.rate ?? (values.once ? 100 : 50));
  if (!(rate >= 1 && rate <= 500)) throw new Error(`--rate ${values.rate}: give a number of requests a second from 1 to 500`);
  if (values["ready-file"] === "") throw new Error("--ready-file needs the name of a file");
  const identity = identities.find((mode) => mode === values.identity);
  if (!identity) throw new Error(`--identity ${values.identity}: give one of ${identities.join(", ")}`);
  return { help: values.help, once: values.once, readyFile: values["ready-file"], rate, identity };
}
