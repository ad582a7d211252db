/** `legation proxies`: every proxy that is connected, and how much of its configuration it has accepted. */
import { sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";

/** The part of `GET /api/proxies` that is shown. */
interface Proxies {
  readonly proxies: readonly Proxy[];
}

interface Proxy {
  readonly node: string;
  readonly service: string | null;
  readonly ready: boolean;
  readonly types: readonly ProxyType[];
  readonly problems: readonly { readonly message: string }[];
  /** Of a gRPC application without an Envoy, by service; absent from a control plane of an earlier version, as is `quarantined`. */
  readonly calls?: Readonly<Record<string, { readonly succeeded: number; readonly failed: number; readonly dropped: number }>>;
  readonly quarantined?: readonly { readonly text: string }[];
}

interface ProxyType {
  readonly type: string;
  readonly sent: Readonly<Record<string, string>>;
  readonly acknowledged: Readonly<Record<string, string>>;
  readonly outstandingSince: string | null;
  readonly rejected: readonly { readonly name: string; readonly message: string; readonly provenance?: unknown }[];
}

/** The table, and below it each refusal with what the proxy said and where the resource comes from. */
export function show({ proxies }: Proxies, screen: Screen): string {
  if (proxies.length === 0) return "No proxy is connected to this control plane.\n";
  const rows = proxies.map((proxy) => {
    const sent = proxy.types.flatMap((type) => Object.entries(type.sent).map(([name, version]) => type.acknowledged[name] === version));
    return [proxy.node, proxy.service ?? "-", `${sent.filter(Boolean).length} of ${sent.length}`, state(proxy)];
  });
  const notes = proxies.flatMap((proxy) => [
    ...proxy.types.flatMap((type) =>
      type.rejected.map((r) => `${proxy.node} refused ${type.type} ${r.name}: ${r.message}${source(r.provenance)}`),
    ),
    ...proxy.problems.map(({ message }) => `${proxy.node}: ${message}`),
    ...Object.entries(proxy.calls ?? {}).flatMap(([service, { succeeded, failed, dropped }]) =>
      dropped > 0
        ? [`${proxy.node}: ${dropped} calls to ${service} were dropped at its limit lately; ${succeeded + failed} were made`]
        : [],
    ),
  ]);
  notes.push(...new Set(proxies.flatMap(({ quarantined = [] }) => quarantined.map(({ text }) => `Quarantined: ${text}`))));
  const below = notes.map((note) => sentence(note, screen)).join("");
  return table(["PROXY", "SERVICE", "ACCEPTED", "STATE"], rows, screen) + (below ? `\n${below}` : "");
}

function state({ ready, types, quarantined = [] }: Proxy): string {
  const refused = types.reduce((sum, type) => sum + type.rejected.length, 0);
  if (refused > 0) return `${refused} refused`;
  if (!ready) return "waits for its state";
  const since = types.flatMap((type) => type.outstandingSince ?? []).sort()[0];
  if (since) return `has not answered since ${since}`;
  return quarantined.length > 0 ? `up to date but for ${quarantined.length} quarantined` : "up to date";
}

/** Where a refused resource comes from, as far as the control plane said. */
function source(provenance: unknown): string {
  if (typeof provenance !== "object" || provenance === null) return "";
  const { service, source: from, path } = provenance as Readonly<Record<string, unknown>>;
  const words = [service && `service ${service}`, from && `from ${from}`, path].filter((word) => typeof word === "string");
  return words.length > 0 ? ` (${words.join(", ")})` : "";
}

/** Prints the proxies of a control plane. */
export const { run, page } = listing<Proxies>({
  description:
    "Lists the proxies that are connected to a control plane: how many of the resources that each was sent it has accepted, and what it " +
    "refused and why. A proxy is named <Consul node>/<service id>.",
  examples: ["legation proxies", "legation proxies --watch"],
  path: "/api/proxies",
  show,
});
