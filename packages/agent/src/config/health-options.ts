/** The options of the health checks: two short forms, a list for everything else, and what holds for all of them. */
import { readFileSync } from "node:fs";
import { type ConfigValues, codeOf, option } from "@legation/runtime";
import { commandOption } from "./process-options.js";
import { atLeast } from "./rules.js";

/** Reads `200`, `200-299` or `2xx` as a range, both ends included; undefined for anything else. */
export function statusRange(text: string): readonly [from: number, to: number] | undefined {
  const [, hundreds] = /^([1-5])xx$/i.exec(text) ?? [];
  if (hundreds) return [Number(`${hundreds}00`), Number(`${hundreds}99`)];
  const [, from, to = from] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text) ?? [];
  return from !== undefined && Number(from) <= Number(to) ? [Number(from), Number(to)] : undefined;
}

function statusProblem(words: readonly string[]): string | undefined {
  if (words.length === 0) return "leaves no status that passes. Write 2xx";
  return words.every(statusRange) ? undefined : "is no list of status codes. Write [200, 300-399] or 2xx";
}

function patternProblem(text: string): string | undefined {
  try {
    new RegExp(text, "u");
    return undefined;
  } catch (error) {
    return `is no regular expression of JavaScript (${(error as Error).message}). Mend it, or use body for plain text`;
  }
}

const tls = option.object({
  description: "Over TLS",
  fields: {
    ca: option.string({ description: "A PEM file with the accepted authorities; the system's unless given", check: fileProblem }),
    serverName: option.string({ description: "The name to ask for and to find in the certificate; the host unless given" }),
    insecure: option.boolean({ description: "Take any certificate", default: false }),
  },
});

const address = {
  host: option.string({ description: "Another host than the service's" }),
  port: option.integer({ description: "Another port than the service's", min: 1, max: 65_535 }),
};

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const httpFields = {
  ...address,
  method: option.string({
    description: "The method",
    default: "GET",
    check: (value) => (token.test(value) && value !== "CONNECT" ? undefined : "is not a method. Write GET, HEAD or another"),
  }),
  headers: option.map({
    description: "Headers of the request; their values are not shown",
    default: {},
    secret: true,
    check: (headers) =>
      Object.entries(headers).every(([name, value]) => token.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value))
        ? undefined
        : "is not a map of headers. Write names without blanks, and values in one line",
  }),
  expect: {
    status: option.list({ description: "The status codes that pass, such as 200-299,401", default: ["2xx"], check: statusProblem }),
    body: option.string({ description: "Text that the answer's body (its first 64 KiB) must contain" }),
    matches: option.string({ description: "A regular expression that the same part of the body must match", check: patternProblem }),
  },
  tls,
};

function pathOption(names: { readonly env?: string; readonly flag?: string } = {}) {
  return {
    description: "Check over HTTP at this path; 2xx passes unless expect says otherwise",
    check: (value: string) =>
      /^\/[\x21-\x7e]*$/.test(value) ? undefined : "is not a path. Begin it with /, and write what is not ASCII as %xx",
    ...names,
  };
}

/** The fields of one check of the list `health.checks`. */
const checkFields = {
  name: option.string({
    description: "Its name in Consul and in the status; the kind unless given",
    check: (value) =>
      /^[a-z0-9][a-z0-9-]{0,31}$/.test(value) && value !== "heartbeat"
        ? undefined
        : "is not a name for a check. Write up to 32 small letters, digits and dashes; heartbeat is taken",
  }),
  http: option.object({ description: "Over HTTP", fields: { path: option.string({ ...pathOption(), required: true }), ...httpFields } }),
  tcp: option.object({ description: "A connection is accepted", fields: address }),
  grpc: option.object({
    description: "By the gRPC health protocol",
    fields: { ...address, service: option.string({ description: "The gRPC service; the whole server unless given", default: "" }), tls },
  }),
  command: commandOption("A command: exit code 0 passes, 1 is degraded, others fail"),
  interval: option.duration({ description: "As health.interval", check: atLeast(100, "100ms") }),
  timeout: option.duration({ description: "As health.timeout", check: atLeast(10, "10ms") }),
  initialDelay: option.duration({ description: "As health.initialDelay" }),
  failureThreshold: option.integer({ description: "As health.failureThreshold", min: 1, max: 1_000 }),
  recoveryThreshold: option.integer({ description: "As health.recoveryThreshold", min: 1, max: 1_000 }),
};

/** One entry of `health.checks`. */
export type CheckValues = ConfigValues<typeof checkFields>;

const kinds = ["http", "tcp", "grpc", "command"] as const;

/** The kinds of check that an entry of the list names. */
export function kindsOf(check: CheckValues): (typeof kinds)[number][] {
  return kinds.filter((kind) => check[kind] !== undefined);
}

/** See the file's sentence; a part of the agent's option table. */
export const healthOptions = {
  http: { path: option.string(pathOption({ env: "SERVICE_HEALTH_ENDPOINT", flag: "--health-path" })), ...httpFields },
  tcp: option.boolean({ description: "Check that a connection is accepted; on when there is no other check" }),
  checks: option.tables({
    description: "More checks, each with one of http, tcp, grpc and command; the worst decides",
    fields: checkFields,
    check: (check) => {
      const [kind, other] = kindsOf(check);
      if (!kind) return "this check looks at nothing. Add one of http, tcp, grpc and command.";
      return other ? `this check has both ${kind} and ${other}. Make two checks of them.` : undefined;
    },
  }),
  interval: option.duration({
    description: "From one check to the next",
    default: 30_000,
    env: "HEALTH_CHECK_INTERVAL",
    flag: "--health-interval",
    check: atLeast(100, "100ms"),
  }),
  startInterval: option.duration({ description: "The same while nothing is known yet", default: 250, check: atLeast(10, "10ms") }),
  initialDelay: option.duration({ description: "From the start of the process to the first check", default: 0 }),
  jitter: option.number({ description: "The share of the interval by which checks are moved at random", default: 0.1, min: 0, max: 0.5 }),
  timeout: option.duration({
    description: "A check that takes longer has failed",
    default: 5_000,
    flag: "--health-timeout",
    check: atLeast(10, "10ms"),
  }),
  failureThreshold: option.integer({
    description: "Failures in a row that make unhealthy; fewer make degraded",
    default: 3,
    min: 1,
    max: 1_000,
  }),
  recoveryThreshold: option.integer({ description: "Successes in a row that make healthy again", default: 2, min: 1, max: 1_000 }),
  autoRecovery: option.boolean({ description: "Restart the process when it is unhealthy", default: true }),
  startTimeout: option.duration({ description: "A start that is not healthy by then has failed", default: 60_000 }),
};

function fileProblem(path: string): string | undefined {
  try {
    const text = readFileSync(path, "utf8");
    return text.includes("-----BEGIN ") ? undefined : "holds no certificate in PEM. Name a file that does";
  } catch (error) {
    return `cannot be read (${codeOf(error)}). Name a PEM file that can`;
  }
}
