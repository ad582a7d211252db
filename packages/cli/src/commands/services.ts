/** `legation services`: what the registry holds, and how much of it the proxies use. */
import type { OrchestratedService } from "@legation/contract/api";
import { option } from "@legation/runtime/command-line";
import { sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";
import { showService } from "../service-detail.js";

/** The part of `GET /services` that is shown. */
interface Services {
  readonly total: number;
  readonly services: Readonly<Record<string, Service>>;
}

interface Service {
  readonly protocol: string;
  readonly versions: readonly string[];
  readonly dependencies: readonly string[];
  readonly endpoints: Readonly<Record<string, number>>;
  readonly problems: readonly { readonly message: string }[];
  /** These are absent from what a control plane of an earlier version answers. */
  readonly breaker?: Breaker;
  readonly instances?: readonly { readonly node: string; readonly id: string; readonly share?: number; readonly breaker?: Breaker }[];
}

interface Breaker {
  readonly state: string;
  readonly callers: number;
  readonly by: readonly { readonly caller: string; readonly cause: string }[];
}

/** The table, and below it what is wrong with a service, which of its breakers are not closed, and who gets less by its health. */
export function show({ services }: Pick<Services, "services">, screen: Screen): string {
  const entries = Object.entries(services);
  if (entries.length === 0) return "No service is registered in Consul.\n";
  const rows = entries.map(([name, { protocol, endpoints, versions, dependencies }]) => {
    const { healthy = 0, ...others } = endpoints;
    const rest = Object.entries(others).filter(([, count]) => count > 0);
    const all = rest.reduce((sum, [, count]) => sum + count, healthy);
    return [
      name,
      protocol,
      `${healthy} of ${all}`,
      words(rest.map(([health, n]) => `${n} ${health}`)),
      words(versions),
      words(dependencies),
    ];
  });
  const problems = entries.flatMap(([name, service]) =>
    [...service.problems.map(({ message }) => message), ...notesOf(service)].map((message) => sentence(`${name}: ${message}`, screen)),
  );
  return (
    table(["SERVICE", "PROTOCOL", "HEALTHY", "OTHERS", "VERSIONS", "CALLS"], rows, screen) +
    (problems.length > 0 ? `\n${problems.join("")}` : "")
  );
}

function* notesOf({ breaker, instances = [] }: Service): Generator<string> {
  if (breaker && breaker.state !== "closed") yield `its breaker is ${breaker.state} ${whose(breaker)}`;
  for (const { node, id, share = 100, breaker: own } of instances) {
    if (own && own.state !== "closed") yield `the breaker of ${node}/${id} is ${own.state} ${whose(own)}`;
    if (share < 100) yield `${node}/${id} keeps ${share} % of its weight: it answers more slowly than the others, or with more errors`;
  }
}

function whose({ callers, by: [first] }: Breaker): string {
  return `for ${first?.caller ?? "a caller"}${callers > 1 ? ` and ${callers - 1} more` : ""}: ${first?.cause ?? "unknown"}`;
}

function words(list: readonly string[]): string {
  return list.length > 0 ? list.join(", ") : "-";
}

const settings = { consul: option.boolean({ description: "Show Consul's own service too", default: false, flag: "--consul" }) };

/** Consul's servers register themselves under this name; nobody calls them through the mesh. */
const consulService = "consul";

function withoutConsul(all: Services): Services {
  const { services, ...body } = all;
  if (!(consulService in services)) return all;
  const shown = Object.entries(services).filter(([name]) => name !== consulService);
  return { ...body, total: shown.length, services: Object.fromEntries(shown) };
}

function isOne(body: Services | OrchestratedService): body is OrchestratedService {
  return "health_history" in body;
}

/** Prints the services of a control plane, or one of them. */
export const { run, page } = listing<Services | OrchestratedService, typeof settings>({
  operands: [{ name: "SERVICE", optional: true, values: "service" }],
  description:
    "Lists the services in Consul's registry as a control plane sees them: how many of their instances get traffic, what the others are " +
    "(degraded, unhealthy, draining, or omitted: not given to any proxy), their versions, and the services that they call. With a " +
    "SERVICE: how that one stands, its instances, and what its agents remember of its checks.",
  settings,
  examples: [
    "legation services",
    "legation services orders",
    "legation services --watch 5s",
    "legation services --api http://10.0.0.5:8080 --json",
  ],
  path: (_values, [name]) => (name === undefined ? "/services" : `/api/orchestration/service/${encodeURIComponent(name)}`),
  choose: (body, { consul }) => (isOne(body) || consul ? body : withoutConsul(body)),
  show: (body, screen) => (isOne(body) ? showService(body, screen) : show(body, screen)),
});
