/** From the agent's configuration to its Envoy: which binary, which bootstrap, which ports. */
import { readFile } from "node:fs/promises";
import { instanceKey, splitAddress } from "@legation/contract";
import { type Clock, createBackoff, type Logger, writeFileAtomic } from "@legation/runtime";
import type { AgentConfig } from "../config/definition.js";
import { checkFree } from "../ports.js";
import { adoptProcess } from "../process/running.js";
import { createEnvoyAdmin, type EnvoyAdmin } from "./admin.js";
import { checkEnvoy, findEnvoy, toolsDirectory } from "./binary.js";
import { bootstrapOf, type HostPort } from "./bootstrap.js";
import { createEnvoyRunner, type EnvoyRunner } from "./runner.js";

/** Envoy's addresses, `host:port`. */
export interface EnvoyAddresses {
  readonly inbound: string;
  readonly outbound: string;
  readonly envoyAdmin: string;
}

/** An Envoy that is ready to begin. */
export interface Envoy {
  readonly runner: EnvoyRunner;
  readonly admin: EnvoyAdmin;
}

/** What the set-up takes besides the configuration. */
export interface EnvoySetup {
  readonly config: AgentConfig;
  readonly binary: string;
  /** Consul's node. */
  readonly node: string;
  readonly addresses: EnvoyAddresses;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: (name: string) => string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** The Envoy that the configuration means. Throws LegationError "envoy.missing". */
export function envoyBinaryOf({ values }: AgentConfig, env: Readonly<Record<string, string | undefined>>): string {
  return findEnvoy({ configured: values.envoy.binary, path: env["PATH"], tools: toolsDirectory });
}

/** Prepares the runner; nothing is started. */
export function setUpEnvoy(setup: EnvoySetup): Envoy {
  const { config, binary, node, addresses, env, file, clock, log } = setup;
  const { service, values } = config;
  const nodeId = instanceKey(node, service.id);
  const json = bootstrapOf({
    nodeId,
    ...(service.region ? { region: service.region } : {}),
    ...(service.zone ? { zone: service.zone } : {}),
    metadata: {
      api: 1,
      service: service.name,
      kind: "sidecar",
      inbound: addresses.inbound,
      app: hostPort(config.app),
      outbound: addresses.outbound,
      protocol: service.protocol,
      dependencies: service.dependencies,
    },
    admin: split(addresses.envoyAdmin),
    controlPlanes: config.controlPlanes,
  });
  const bootstrap = `${JSON.stringify(json, null, 2)}\n`;
  const bootstrapPath = file("envoy-bootstrap.json");
  const admin = createEnvoyAdmin(addresses.envoyAdmin, service.protocol);
  const runner = createEnvoyRunner({
    binary,
    bootstrap,
    bootstrapPath,
    writeBootstrap: async () => {
      // Not written again where it stands already: a full disk must not keep Envoy from coming back.
      if ((await readFile(bootstrapPath, "utf8").catch(() => "")) !== bootstrap)
        await writeFileAtomic(bootstrapPath, bootstrap, { mode: 0o600 });
    },
    nodeId,
    inboundPort: split(addresses.inbound).port,
    concurrency: values.envoy.concurrency,
    logLevel: values.envoy.logLevel,
    drainTime: values.drain.limit,
    answerWithin: values.envoy.answerWithin,
    env: { PATH: env["PATH"], HOME: env["HOME"], TMPDIR: env["TMPDIR"] },
    recordPath: recordOf(file),
    outputPath: file("envoy.log"),
    admin,
    beforeStart: async () => {
      await checkEnvoy(binary);
      await checkFree({ key: "envoyAdmin", address: addresses.envoyAdmin, what: "Envoy's admin interface", flag: "--envoy-admin-addr" });
      await checkFree({ key: "inbound", address: addresses.inbound, what: "Envoy's inbound listener", flag: "--inbound-addr" });
      await checkFree({ key: "outbound", address: addresses.outbound, what: "Envoy's outbound listener", flag: "--outbound-addr" });
    },
    controlPlanes: config.controlPlanes.map(hostPort).join(", "),
    clock,
    backoff: createBackoff({ base: 250, max: 10_000 }),
    log,
    onChange: setup.onChange,
  });
  return { runner, admin };
}

/** Ends the Envoy that an earlier agent of this state directory left running, if there is one; for an agent that has none of its own. */
export async function endLeftEnvoy(file: (name: string) => string, limitMs: number, clock: Clock): Promise<void> {
  await adoptProcess(recordOf(file), clock)?.end(limitMs);
}

function recordOf(file: (name: string) => string): string {
  return file("envoy.json");
}

function split(address: string): HostPort {
  return splitAddress(address) ?? { host: address, port: 0 };
}

function hostPort({ host, port }: HostPort): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
