/** From the instance to its registrar: what is registered, under which address. */
import { splitAddress } from "@legation/contract";
import type { Instance } from "../instance.js";
import type { ConsulAgent } from "./consul-agent.js";
import { paceOf } from "./pace.js";
import { createRegistrar, type Registrar } from "./registrar.js";
import { type Identity, registrationOf } from "./registration.js";

/** Creates the registrar of an instance; `hostname` names this machine in the registration. */
export function setUpRegistrar(instance: Instance, consul: ConsulAgent, hostname: string, onChange: () => void): Registrar {
  const { config, addresses, stateDir, clock, log } = instance;
  const { values } = config;
  const inbound = values.envoy.enabled ? splitAddress(addresses.inbound) : undefined;
  const mesh = inbound && { host: config.advertised(inbound.host), port: inbound.port };
  const owner = `${stateDir.uuid}@${hostname}`;
  const identity = (): Identity => {
    const tls = instance.migration?.progress.tls ?? "plain";
    return { owner, ...(mesh ? { mesh } : {}), ...(tls === "plain" ? {} : { tls }) };
  };
  return createRegistrar({
    consul,
    registration: (reports) => registrationOf(instance.config.service, identity(), reports),
    ...paceOf(values),
    clock,
    log,
    onChange,
    onMaintenanceEnded: () => stateDir.keep({ maintenanceEnded: false }),
  });
}
