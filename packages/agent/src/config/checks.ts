/** From the options of the health checks to the checks themselves, every default worked out. Pure. */
import type { Check, CheckTarget } from "../health/check.js";
import { type CheckValues, kindsOf, statusRange } from "./health-options.js";
import type { AgentValues } from "./options.js";

/** Where the application is reached from this machine. */
interface Application {
  readonly host: string;
  readonly port: number;
}

/** The checks in the file's order: the short forms, then the list; a TCP check when there is no other. */
export function checksOf(health: AgentValues["health"], app: Application): Check[] {
  const { path } = health.http;
  const listed = health.checks.map((check): CheckValues => check);
  const tcp = health.tcp ?? (path === undefined && listed.length === 0);
  const short = [
    ...(path === undefined ? [] : [{ http: { ...health.http, path } }]),
    ...(tcp ? [{ tcp: {} }] : []),
  ] as readonly Partial<CheckValues>[];
  const taken = new Set(listed.flatMap(({ name }) => name ?? []));
  return [...short, ...listed].flatMap((check): Check[] => {
    const target = targetOf(check as CheckValues, app);
    if (!target) return [];
    const name = check.name ?? freeName(target.kind, taken);
    taken.add(name);
    return [
      {
        name,
        target,
        interval: check.interval ?? health.interval,
        startInterval: health.startInterval,
        initialDelay: check.initialDelay ?? health.initialDelay,
        jitter: health.jitter,
        timeout: check.timeout ?? health.timeout,
        failureThreshold: check.failureThreshold ?? health.failureThreshold,
        recoveryThreshold: check.recoveryThreshold ?? health.recoveryThreshold,
      },
    ];
  });
}

/** What is wrong with the checks together, and the fix. `at` names the place of an option. */
export function checkProblems(health: AgentValues["health"], at: (path: string) => string): string[] {
  const problems: string[] = [];
  const names = health.checks.flatMap(({ name }) => name ?? []);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) problems.push(`${at("health.checks")}: the name ${JSON.stringify(twice)} is given twice. Give each check a name of its own.`);
  const { path, ...others } = health.http;
  const set = Object.entries({ ...others, ...others.expect, headers: Object.keys(others.headers).length > 0 ? others.headers : undefined });
  const alone = set.find(([key, value]) => value !== undefined && !["method", "expect", "status"].includes(key))?.[0];
  if (path === undefined && alone)
    problems.push(`${at("health.http.path")}: the value is missing, but health.http has more. Write a path, such as /health.`);
  if (health.tcp === false && path === undefined && health.checks.length === 0)
    problems.push(`${at("health.tcp")}: no check is left. Take tcp: false out, or name another check.`);
  return problems;
}

function targetOf(check: CheckValues, app: Application): CheckTarget | undefined {
  const where = (own: { readonly host?: string | undefined; readonly port?: number | undefined }): Application => ({
    host: own.host ?? app.host,
    port: own.port ?? app.port,
  });
  const [kind] = kindsOf(check);
  if (kind === "http" && check.http) {
    const { path, method, headers, expect, tls } = check.http;
    return {
      kind,
      http: {
        ...where(check.http),
        path,
        method,
        headers,
        status: expect.status.map(statusRange).filter((range) => range !== undefined),
        ...(expect.body === undefined ? {} : { body: expect.body }),
        ...(expect.matches === undefined ? {} : { matches: new RegExp(expect.matches, "u") }),
        ...tlsOf(tls),
      },
    };
  }
  if (kind === "tcp" && check.tcp) return { kind, tcp: where(check.tcp) };
  if (kind === "grpc" && check.grpc) return { kind, grpc: { ...where(check.grpc), service: check.grpc.service, ...tlsOf(check.grpc.tls) } };
  return check.command ? { kind: "command", argv: check.command } : undefined;
}

function tlsOf(tls: NonNullable<CheckValues["grpc"]>["tls"]) {
  if (!tls) return {};
  const { ca, serverName, insecure } = tls;
  return { tls: { insecure, ...(ca === undefined ? {} : { ca }), ...(serverName === undefined ? {} : { serverName }) } };
}

/** "http", then "http-2". */
function freeName(kind: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const name = number === 1 ? kind : `${kind}-${number}`;
    if (!taken.has(name)) return name;
  }
}
