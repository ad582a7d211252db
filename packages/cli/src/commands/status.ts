/** `legation status`: every control plane, how old its data is, and what is wrong in the mesh. */
import type { HealthView, ReplicaList } from "@legation/contract/api";
import { exitCode } from "../exit-code.js";
import { sentence, table } from "../layout.js";
import { listing } from "../listing.js";
import type { Screen } from "../screen.js";
import { status } from "../status-word.js";

/** The table, and below it what is wrong with a control plane, and with the mesh. */
export function show({ replicas, silent }: ReplicaList, screen: Screen): string {
  const rows = replicas.map(({ address, health }) => [
    address,
    status(health.status),
    health.version,
    health.catalog.services,
    health.catalog.instances,
    health.xds.streams,
    health.agents.reporting,
    health.catalog.age === null ? "-" : duration(health.catalog.age),
  ]);
  const notes = [
    ...replicas.flatMap(({ address, health }) => [...notesOf(health)].map((note) => `${address}: ${note}`)),
    ...silent.map((one) => `Silent: ${one}. What only it knows is missing wherever the mesh is shown`),
  ];
  const problems = new Set(replicas.flatMap(({ health }) => health.problems.map(({ service, message }) => `${service}: ${message}`)));
  const more = Math.max(0, ...replicas.map(({ health }) => health.problemCount - health.problems.length));
  const head = ["CONTROL PLANE", "STATUS", "VERSION", "SERVICES", "INSTANCES", "PROXIES", "AGENTS", "DATA AGE"];
  return [
    table(head, rows, screen),
    paragraph(notes, screen),
    paragraph([...problems, ...(more > 0 ? [`${more} more problems are in the log, or need the right to read the mesh`] : [])], screen),
  ].join("");
}

function* notesOf({ status: word, catalog, consul, xds }: HealthView): Generator<string> {
  const since = catalog.lastAnswer === null ? "Consul has never answered it" : `Consul's last answer was at ${catalog.lastAnswer}`;
  const why = whyNot(consul);
  if (word === "stale") yield `stale: ${why}. Proxies keep what they have, and new ones get the state of then. ${since}`;
  if (word === "waiting")
    yield `has nothing to serve: ${why === "" ? "its policies cannot be used; its log says why" : why}. New proxies wait`;
  if (xds.rejected > 0) yield `${xds.rejected} proxies refuse something: see legation proxies`;
}

function whyNot({ connected, complete, error, address }: HealthView["consul"]): string {
  if (connected) return complete ? "" : "not everything has been read from Consul yet";
  return error?.replace(/\.$/, "") ?? `Consul at ${address} does not answer`;
}

function paragraph(sentences: readonly string[], screen: Screen): string {
  return sentences.length > 0 ? `\n${sentences.map((text) => sentence(text, screen)).join("")}` : "";
}

function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  return seconds < 3_600 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
}

/** Prints how every control plane stands; fails when one of them is not ok, or silent. */
export const { run, page } = listing<ReplicaList>({
  description:
    "Shows every control plane: whether it serves the present state of Consul (ok), the last one that it knew (stale), or nothing yet " +
    "(waiting), with the age of its data; and what is wrong with registrations, policies and proxies. The exit code is 1 when one of them is " +
    "not ok or does not answer.",
  exitStatus: { 0: "All are ok.", 1: "One is not ok, or does not answer; or the command failed." },
  examples: ["legation status", "legation status --watch 2s"],
  path: "/api/replicas",
  show,
  code: ({ replicas, silent }) =>
    silent.length === 0 && replicas.every(({ health }) => health.status === "ok") ? exitCode.done : exitCode.failed,
});
