/** `legation proxies`: every proxy at every control plane, one of them in full, or whether Envoys hold what they were sent. */
import type { DriftReport, ProxyDetail, ProxyList, ProxyState } from "@legation/contract/api";
import { codeOf, LegationError, messageOf, option } from "@legation/runtime/command-line";
import { type ApiSettings, apiOptions, ask } from "../api.js";
import { createCommand, type Reply } from "../create-command.js";
import { exitCode } from "../exit-code.js";
import { showProxy } from "../proxies/detail.js";
import { showDrift } from "../proxies/drift.js";
import { showProxies } from "../proxies/list.js";
import type { Screen } from "../screen.js";

/** Envoys that are asked at once. */
const atOnce = 8;
/** A drift is looked at twice, and a control plane that does not answer is waited for; milliseconds. */
const driftLimit = 45_000;

const states = ["up-to-date", "behind", "refused", "quarantined", "waiting", "absent", "unknown"] as const satisfies readonly ProxyState[];

const options = {
  service: option.string({ description: "Only the proxies of this service", unit: "service", flag: "--service" }),
  state: option.enumeration(states, { description: "Only those in this state", flag: "--state" }),
  drift: option.boolean({
    description: "Ask Envoys for what they hold, and compare it with what they were sent",
    default: false,
    flag: "--drift",
  }),
  ...apiOptions,
};

/** The command. */
export const { run, page } = createCommand({
  description:
    "Lists the proxies at all control planes, whichever is asked: the version of Envoy, the control plane that each is connected to, how much of " +
    "what it was sent it has accepted, for how long it has not held the newest, and what it refused and by which policy. Proxies that should be " +
    "connected and are not are listed too. A proxy is named <Consul node>/<service id>; with a name, everything about that one is shown.",
  operands: [{ name: "NODE/ID", optional: true, values: "proxy" }],
  options,
  exitStatus: { 1: "It failed; or, with --drift, an Envoy holds something else than it was sent, or could not be asked." },
  examples: [
    "legation proxies",
    "legation proxies --state refused",
    "legation proxies n1/web-1",
    ["legation proxies n1/web-1 --drift", "Compares what that Envoy holds with what it was sent"],
    ["legation proxies --drift --service web", "The same of all Envoys of a service, eight at once"],
  ],
  watchable: true,
  async answer(values, [node], { screen }) {
    const { service, state, drift } = values;
    if (node !== undefined && !/^[^/]+\/./.test(node))
      throw new LegationError(
        "usage",
        `${JSON.stringify(node)} is no proxy. Write <Consul node>/<service id>, as "legation proxies" lists them`,
      );
    if (node !== undefined && drift) return driftReply([await driftOf(values, node)], screen, true);
    if (node !== undefined) {
      const detail = await ask<ProxyDetail>(values, { path: pathOf(node) });
      return { json: detail, text: () => showProxy(detail, screen) };
    }
    const query = new URLSearchParams({ ...(service ? { service } : {}), ...(state ? { state } : {}) }).toString();
    const list = await ask<ProxyList>(values, { path: `/api/proxies${query === "" ? "" : `?${query}`}` });
    if (!drift) return { json: list, text: () => showProxies(list, screen) };
    const nodes = list.proxies.filter(({ kind }) => kind === "sidecar" || kind === "gateway").map((proxy) => proxy.node);
    return driftReply(await driftsOf(values, nodes), screen, false);
  },
});

function driftReply(reports: readonly DriftReport[], screen: Screen, single: boolean): Reply {
  const sound = reports.every(({ state }) => state === "none");
  return {
    json: single ? reports[0] : { proxies: reports },
    text: () => showDrift(reports, screen),
    code: sound ? exitCode.done : exitCode.failed,
  };
}

async function driftsOf(settings: ApiSettings, nodes: readonly string[]): Promise<readonly DriftReport[]> {
  const reports = new Map<string, DriftReport>();
  const left = [...nodes];
  const worker = async (): Promise<void> => {
    for (let node = left.shift(); node !== undefined; node = left.shift())
      reports.set(node, await driftOf(settings, node).catch((error: unknown) => gone(node, error)));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return nodes.flatMap((node) => reports.get(node) ?? []);
}

/** One that has left since the list was made. Any other failure is thrown again. */
function gone(node: string, error: unknown): DriftReport {
  if (codeOf(error) !== "api.refused") throw error;
  return {
    ...{ node, service: null, state: "unknown", reason: messageOf(error), envoy: null, replica: null, stream: null, streams: 0 },
    ...{ compared: 0, pending: 0, differences: [], leftOut: 0, draining: [], silent: [] },
  };
}

function driftOf(settings: ApiSettings, node: string): Promise<DriftReport> {
  return ask<DriftReport>(settings, { path: `${pathOf(node)}/drift`, limitMs: driftLimit });
}

function pathOf(node: string): string {
  const slash = node.indexOf("/");
  return `/api/proxies/${encodeURIComponent(node.slice(0, slash))}/${encodeURIComponent(node.slice(slash + 1))}`;
}
