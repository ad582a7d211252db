/** From the configuration to the instance's identity: whether there is to be one, and where its files lie. */

import type { Consul } from "@legation/consul";
import { controlPlaneService, serviceIdentityOf, spiffeId } from "@legation/contract";
import type { Clock, Logger } from "@legation/runtime";
import type { AgentConfig } from "../config/definition.js";
import { checkEnvoy, isOlder, readsDevicesFrom } from "../envoy/binary.js";
import { type EnvoyIdentityFiles, envoyBinaryOf } from "../envoy/setup.js";
import type { Seat } from "../seat.js";
import type { StateDir } from "../state-dir.js";
import { createControlPlaneTls } from "./control-plane-tls.js";
import { placeFor } from "./directory.js";
import { createIdentity, type Identity } from "./identity.js";
import { createRootsSource } from "./roots.js";
import { createCertificateStore } from "./store.js";

/** What it needs of the agent. */
export interface IdentitySetup {
  readonly config: AgentConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly consul: Consul;
  readonly stateDir: StateDir;
  readonly seat?: Seat;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** Prepares the identity; nothing is asked of Consul yet. */
export function setUpIdentity({ config, env, consul, stateDir, seat, clock, log, onChange }: IdentitySetup): Identity {
  const { service, values } = config;
  const wanted = values.identity.certificates;
  if (wanted === "off") return without("identity.certificates is off");
  if (wanted === "auto" && !values.discovery) return without("the instance has nothing to do with Consul: discovery is off");
  const readsDevices = async (): Promise<boolean> =>
    !values.envoy.enabled || !isOlder((await checkEnvoy(envoyBinaryOf(config, env))).version, readsDevicesFrom);
  const place = () => placeFor({ env, stateDir: stateDir.path, readsDevices });
  return createIdentity({
    service: service.name,
    wanted,
    ca: consul.ca,
    roots: seat?.roots ?? createRootsSource(consul, clock),
    store: createCertificateStore({ stateDir, place, clock, log }),
    controlPlaneTls: createControlPlaneTls({ consul, stateDir, clock, log, onChange }),
    clock,
    log,
    onChange,
  });
}

/** What Envoy is told of an identity; a control plane is of the same trust domain and data centre as the service. */
export function envoyFilesOf({ directory, status, controlPlaneTls }: Identity): EnvoyIdentityFiles | undefined {
  if (directory === undefined) return undefined;
  const own = serviceIdentityOf(status.spiffeId ?? "");
  if (!controlPlaneTls || !own) return { directory };
  return { directory, controlPlane: spiffeId({ ...own, namespace: "default", service: controlPlaneService }) };
}

function without(reason: string): Identity {
  return {
    status: { phase: "off", reason, renewals: 0, failures: 0 },
    directory: undefined,
    controlPlaneTls: false,
    begin: async () => {},
    look() {},
    stop() {},
  };
}
