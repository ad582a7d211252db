/** `legation instances`: every instance, at whichever control plane its agent reports. */
import type { InstanceList, InstanceStatusView } from "@legation/contract/api";
import { option } from "@legation/runtime/command-line";
import { type Cell, sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";
import { status } from "../status-word.js";

/** The table, and below it why an instance is not as it should be. */
export function show({ instances, silent }: Pick<InstanceList, "instances" | "silent">, screen: Screen): string {
  const unheard = silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")).join("");
  if (instances.length === 0) return `There is no instance.\n${unheard}`;
  const rows = instances.map((one): Cell[] => [
    `${one.node}/${one.id}`,
    one.service,
    status(one.status),
    status(one.health.toLowerCase()),
    status(one.traffic.toLowerCase()),
    one.restartCount,
    one.uptime["1h"] === undefined ? "-" : `${Math.round(one.uptime["1h"] * 100) / 100} %`,
  ]);
  const notes = instances.flatMap(notesOf).map((note) => sentence(note, screen));
  const below = notes.join("") + unheard;
  return table(["INSTANCE", "SERVICE", "STATUS", "HEALTH", "TRAFFIC", "RESTARTS", "UP 1H"], rows, screen) + (below ? `\n${below}` : "");
}

function notesOf({ node, id, status: state, reason, traffic, trafficReason, agent }: InstanceStatusView): readonly string[] {
  const name = `${node}/${id}`;
  if (agent === "silent") return [`${name}: ${reason}`];
  const isUsual = state === "running" || (agent === "none" && traffic === "HEALTHY");
  return [
    ...(isUsual ? [] : [`${name}: ${agent === "none" ? "" : `${state}: `}${reason}`]),
    ...(traffic === "HEALTHY" || agent === "none" ? [] : [`${name}: gets no traffic: ${trafficReason}; legation why-not ${id}`]),
  ];
}

const settings = { service: option.string({ description: "Only the instances of this service", unit: "service", flag: "--service" }) };

/** Prints the instances. */
export const { run, page } = listing<InstanceList, typeof settings>({
  description:
    "Lists the instances of all services: what each one's agent says of its process (unknown without an agent, or with one that is silent), its " +
    "health, what it is in the callers' proxies, how often it was restarted, and how much of the last hour it was up.",
  settings,
  examples: ["legation instances", "legation instances --service orders --watch", "legation instances --json"],
  path: ({ service }) => `/api/instances${service ? `?${new URLSearchParams({ service })}` : ""}`,
  show,
});
