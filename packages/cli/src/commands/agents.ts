/** `legation agents`: every agent at every control plane. */
import type { AgentList, AgentRow } from "@legation/contract/api";
import { option } from "@legation/runtime/command-line";
import { type Cell, sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";
import { status } from "../status-word.js";

/** The table, and below it which agents are silent, listen nowhere, or have an Envoy that does not live. */
export function show({ agents, silent }: Pick<AgentList, "agents" | "silent">, screen: Screen): string {
  const unheard = silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")).join("");
  if (agents.length === 0) return `No agent reports.\n${unheard}`;
  const rows = agents.map(({ node, id, state, silent: quiet, replica, admin, envoy }): Cell[] => [
    `${node}/${id}`,
    quiet ? status("silent") : status(state),
    envoy ? status(envoy.phase, `${envoy.version ?? ""} ${envoy.phase}`.trim()) : "-",
    replica ?? "-",
    admin.replace(/^http:\/\//, ""),
  ]);
  const below = agents.flatMap(notesOf).map((note) => sentence(note, screen));
  const notes = below.join("") + unheard;
  const versions = sentence(`Versions: ${versionsOf(agents)}.`, screen);
  return `${table(["AGENT", "STATE", "ENVOY", "CONTROL PLANE", "ADMIN"], rows, screen)}\n${versions}${notes}`;
}

/** `0.1.0 (3 agents), 0.2.0 (1 agent)`, in the order of versions. */
function versionsOf(agents: readonly AgentRow[]): string {
  const counts = new Map<string, number>();
  for (const { agentVersion } of agents) counts.set(agentVersion, (counts.get(agentVersion) ?? 0) + 1);
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([version, count]) => `${version} (${count} ${count === 1 ? "agent" : "agents"})`).join(", ");
}

function notesOf({ node, id, state, reason, silent, reportedAt, replica, envoy }: AgentRow): readonly string[] {
  const name = `${node}/${id}`;
  if (silent) return [`${name}: has said nothing since ${reportedAt}`];
  return [
    ...(state === "running" || reason === "" ? [] : [`${name}: ${state}: ${reason}`]),
    ...(envoy && envoy.phase !== "live" ? [`${name}: its Envoy is ${envoy.phase}: ${envoy.reason}`] : []),
    ...(replica === null ? [`${name}: listens at no control plane that answers: no command reaches it`] : []),
  ];
}

const settings = { service: option.string({ description: "Only the agents of this service", unit: "service", flag: "--service" }) };

/** Prints the agents. */
export const { run, page } = listing<AgentList, typeof settings>({
  description:
    "Lists the agents at all control planes by their last reports: version, what their services and their Envoys are doing, the control plane at " +
    "which each listens for commands, and the address of its own API on its machine. Agents that have said nothing for half a minute are silent.",
  settings,
  examples: ["legation agents", "legation agents --service orders", "legation agents --json"],
  path: ({ service }) => `/api/agents${service ? `?${new URLSearchParams({ service })}` : ""}`,
  show,
});
