/** One service, as `legation services NAME` shows it: how it stands, its instances, and what its checks found lately. */
import type { OrchestratedService } from "@legation/contract/api";
import { type Cell, sentence, table } from "./layout.js";
import type { Screen } from "./screen.js";
import { status } from "./status-word.js";

/** Looks that are shown: the last ones that found something. */
const looksShown = 5;

/** The service in sentences, its instances as a table, and the last looks that did not pass. */
export function showService(service: OrchestratedService, screen: Screen): string {
  const { dependencies, health_history: history, instances, silent } = service;
  const rows = instances.map((one): Cell[] => [
    one.instance,
    status(one.status),
    status(one.health.toLowerCase()),
    one.restart_count,
    one.uptime_1h === null ? "-" : `${Math.round(one.uptime_1h * 100) / 100} %`,
    one.reason,
  ]);
  const failed = history.filter((look) => look.status !== "HEALTHY").slice(-looksShown);
  const lines = [
    `${service.service} is ${service.status}: ${service.reason}.${service.is_critical ? " The mesh is not ready without it." : ""}`,
    `Restarts: ${service.restart_count}${service.last_restart === null ? "" : `, the last at ${service.last_restart}`}${service.last_error === null ? "" : `; last error: ${service.last_error}`}.`,
    `Needs ${list(dependencies.required)}; uses ${list(dependencies.optional)}; called by ${list(dependencies.dependents)}; layer ${dependencies.layer}.`,
  ];
  return [
    ...lines.map((line) => sentence(line, screen)),
    `\n${table(["INSTANCE", "STATUS", "HEALTH", "RESTARTS", "UP 1H", "WHY"], rows, screen)}`,
    history.length > 0
      ? `\n${sentence(`${failed.length === 0 ? "All" : "Not all"} of the last ${history.length} checks passed.`, screen)}`
      : "",
    ...failed.map((look) => sentence(`${look.timestamp} ${look.instance} ${look.check}: ${look.message}`, screen)),
    ...silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")),
  ].join("");
}

function list(names: readonly string[]): string {
  return names.length > 0 ? names.join(", ") : "nobody";
}
