/** From the agent's configuration to its Envoy: which binary, which bootstrap, which ports. */
import { readFile } from "node:fs/promises";
import { instanceKey, splitAddress } from "@legation/contract";
import { type Clock, createBackoff, type Logger, writeFileAtomic } from "@legation/runtime";
import type { AgentConfig } from "../config/definition.js";
import { dependencyAddresses } from "../config/dependencies.js";
import { checkFree } from "../ports.js";
import { adoptProcess } from "../process/running.js";
import { createEnvoyAdmin, type EnvoyAdmin } from "./admin.js";
import { checkEnvoy, findEnvoy, toolsDirectory } from "./binary.js";
import { bootstrapOf, type HostPort } from "./bootstrap.js";
import type { EnvoyBuild } from "./build.js";
import { createEnvoyProcesses } from "./processes.js";
import { createEnvoyRunner, type EnvoyRunner } from "./runner.js";
import { createEnvoyVersion } from "./version.js";

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
  /** Of the Envoy that runs; undefined until it has been asked. */
  readonly version: () => string | undefined;
  /** From now on Envoy is to run as this configuration says. What needs other ports or another node stays as it was. */
  update(config: AgentConfig, binary: string, cause: string): void;
  /** What is to be told of the certificate may be another: Envoy is to run with that. */
  renew(cause: string): void;
}

/** What Envoy is told of the instance's certificate. */
export interface EnvoyIdentityFiles {
  /** With the instance's `certificateFiles`. */
  readonly directory: string;
  /** Who the control planes have to be; undefined where they are spoken to in plain text. */
  readonly controlPlane?: string;
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
  /** Who the instance is now; undefined while it has no certificate. */
  readonly identity: () => EnvoyIdentityFiles | undefined;
  /** Names the instance's row of hot restarts. */
  readonly baseId: number;
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
  const { config, node, addresses, env, file, clock, log } = setup;
  const { service, values } = config;
  const bootstrapPath = file("envoy-bootstrap.json");
  const admin = createEnvoyAdmin(addresses.envoyAdmin, service.protocol);
  let wanted = { config, binary: setup.binary };
  const runner = createEnvoyRunner({
    build: buildOf(config, setup.binary, setup),
    writeBootstrap: async (bootstrap) => {
      // Not written again where it stands already: a full disk must not keep Envoy from coming back.
      if ((await readFile(bootstrapPath, "utf8").catch(() => "")) !== bootstrap)
        await writeFileAtomic(bootstrapPath, bootstrap, { mode: 0o600 });
    },
    nodeId: instanceKey(node, service.id),
    inboundPort: split(addresses.inbound).port,
    ...(values.envoy.hotRestart ? { baseId: setup.baseId } : {}),
    answerWithin: values.envoy.answerWithin,
    processes: createEnvoyProcesses(
      {
        bootstrapPath,
        recordPath: recordOf(file),
        parentRecordPath: parentRecordOf(file),
        outputPath: outputOf(file),
        env: { PATH: env["PATH"], HOME: env["HOME"], TMPDIR: env["TMPDIR"] },
      },
      clock,
      log,
    ),
    admin,
    checkBinary: async (binary) => {
      const { version, untested } = await checkEnvoy(binary);
      if (untested) log.warn({ event: "envoy.untested", version }, untested);
    },
    checkPorts: async () => {
      await checkFree({ key: "envoyAdmin", address: addresses.envoyAdmin, what: "Envoy's admin interface", flag: "--envoy-admin-addr" });
      await checkFree({ key: "inbound", address: addresses.inbound, what: "Envoy's inbound listener", flag: "--inbound-addr" });
      await checkFree({ key: "outbound", address: addresses.outbound, what: "Envoy's outbound listener", flag: "--outbound-addr" });
      for (const { name, address } of dependencyAddresses(wanted.config.service.dependencies, addresses.outbound))
        await checkFree({ key: name, address, what: `Envoy's listener for the dependency ${name}`, flag: "localPort in dependencies" });
    },
    controlPlanes: config.controlPlanes.map(hostPort).join(", "),
    clock,
    backoff: createBackoff({ base: 250, max: 10_000 }),
    log,
    onChange: setup.onChange,
  });
  const renew = (cause: string): void => runner.update(buildOf(wanted.config, wanted.binary, setup), cause);
  return {
    runner,
    admin,
    version: createEnvoyVersion({ admin, state: () => runner.state, onKnown: setup.onChange }),
    renew,
    update(next, binary, cause) {
      wanted = { config: next, binary };
      renew(cause);
    },
  };
}

/** What the configuration makes of Envoy, on the addresses that the instance has. */
function buildOf(
  { service, values, app, controlPlanes }: AgentConfig,
  binary: string,
  { node, addresses, identity, file }: Pick<EnvoySetup, "node" | "addresses" | "identity" | "file">,
): EnvoyBuild {
  const files = identity();
  const json = bootstrapOf({
    nodeId: instanceKey(node, service.id),
    ...(service.region ? { region: service.region } : {}),
    ...(service.zone ? { zone: service.zone } : {}),
    metadata: {
      api: 1,
      service: service.name,
      kind: "sidecar",
      inbound: addresses.inbound,
      app: hostPort(app),
      outbound: addresses.outbound,
      protocol: service.protocol,
      dependencies: service.dependencies,
      ...(files ? { certificates: files.directory } : {}),
    },
    admin: split(addresses.envoyAdmin),
    controlPlanes,
    ...(files?.controlPlane ? { controlPlaneTls: { directory: files.directory, spiffeId: files.controlPlane } } : {}),
    overload: { maxHeapBytes: values.envoy.maxHeap, maxConnections: values.envoy.maxConnections },
    outputPath: outputOf(file),
  });
  const { concurrency, logLevel } = values.envoy;
  return { binary, bootstrap: `${JSON.stringify(json, null, 2)}\n`, concurrency, logLevel, drainTime: values.drain.limit };
}

/** Ends the Envoy that an earlier agent of this state directory left running, if there is one; for an agent that has none of its own. */
export async function endLeftEnvoy(file: (name: string) => string, limitMs: number, clock: Clock): Promise<void> {
  await Promise.all([recordOf(file), parentRecordOf(file)].map((path) => adoptProcess(path, clock)?.end(limitMs)));
}

function outputOf(file: (name: string) => string): string {
  return file("envoy.log");
}

function recordOf(file: (name: string) => string): string {
  return file("envoy.json");
}

function parentRecordOf(file: (name: string) => string): string {
  return file("envoy-parent.json");
}

function split(address: string): HostPort {
  return splitAddress(address) ?? { host: address, port: 0 };
}

function hostPort({ host, port }: HostPort): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
