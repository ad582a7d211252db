/** The addresses of one instance: as configured, or picked once and kept. */
import { splitAddress } from "@legation/contract";
import type { AgentConfig } from "./config/definition.js";
import type { Addresses } from "./instance.js";
import { pickPorts } from "./ports.js";
import { isAlive } from "./process/identity.js";
import { readRecord } from "./process/running.js";
import type { Seat } from "./seat.js";
import type { StateDir } from "./state-dir.js";

/** Picks what is configured as port 0 and remembers it in the state directory; the API of an instance with a seat stands where that says. */
export async function pickAddresses(config: AgentConfig, stateDir: StateDir, seat?: Seat): Promise<Addresses> {
  const { values } = config;
  const addresses = await pickPorts(
    [
      { key: "admin", address: seat?.api ?? values.admin, what: "the agent's API", flag: "--admin-addr" },
      { key: "inbound", address: config.inbound, what: "Envoy's inbound listener", flag: "--inbound-addr" },
      { key: "outbound", address: values.envoy.outbound, what: "Envoy's outbound listener", flag: "--outbound-addr" },
      { key: "envoyAdmin", address: values.envoy.admin, what: "Envoy's admin interface", flag: "--envoy-admin-addr" },
    ] as const,
    stateDir.kept.ports ?? {},
    {
      held: envoyRuns(stateDir),
      named: config.service.dependencies.flatMap(({ port }) => port ?? []),
      ...(seat ? { reserved: seat.reserved } : {}),
    },
  );
  const ports = Object.entries(addresses).flatMap(([key, at]) => {
    const port = splitAddress(at)?.port;
    return port ? [[key, port] as const] : [];
  });
  stateDir.keep({ ports: Object.fromEntries(ports) });
  return addresses;
}

/** True when an Envoy of an earlier agent runs. One that died within a hot restart may have left it under the other name. */
export function envoyRuns(stateDir: StateDir): boolean {
  return ["envoy.json", "envoy-parent.json"].some((name) => {
    const record = readRecord(stateDir.file(name));
    return record !== undefined && isAlive(record);
  });
}
