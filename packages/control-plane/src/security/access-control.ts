/** What the guard of the API needs, put together: questions to Consul, the answers that are kept, and the audit. */
import { join } from "node:path";
import { createConsul } from "@legation/consul";
import type { Clock, Logger, Registry } from "@legation/runtime";
import { type ControlPlaneConfig, consulOptions } from "../config.js";
import { type AclModeWatch, createAclMode } from "./acl-mode.js";
import { type Audit, createAudit } from "./audit.js";
import { createDecisions, type Decisions } from "./decisions.js";

/** The parts. */
export interface AccessControl {
  readonly mode: AclModeWatch;
  readonly decisions: Decisions;
  readonly audit: Audit;
  stop(): Promise<void>;
}

/** Makes them. `exposed`: others than this machine reach the API. */
export async function createAccessControl(o: {
  config: ControlPlaneConfig;
  stateDir: string;
  exposed: boolean;
  metrics: Registry;
  clock: Clock;
  log: Logger;
}): Promise<AccessControl> {
  const { clock, log } = o;
  // Without a token of its own: a question about nobody's token must not be one about the control plane's. Its connections are its own too,
  // so that no question waits behind a blocking query.
  const { token: _token, tokenFile: _file, ...options } = consulOptions(o.config);
  const consul = createConsul({ ...options, maxConnections: 8 });
  const mode = await createAclMode({ acl: consul.acl, path: join(o.stateDir, "acl-mode"), clock, log, onChange: tell });
  const audit = await createAudit({ directory: join(o.stateDir, "audit"), metrics: o.metrics, clock, log });

  function tell(now: "on" | "off"): void {
    if (now === "on") log.info({ event: "access.by-acl" }, "Consul uses ACLs: the HTTP API asks for a token, and Consul what it may do");
    else if (o.exposed)
      log.warn(
        { event: "access.open" },
        "THE HTTP API IS OPEN: Consul uses no ACLs, so whoever reaches this address can read the mesh and drain instances",
      );
    else log.info({ event: "access.open" }, "Consul uses no ACLs: the HTTP API is open to all of this machine");
  }

  return {
    mode,
    decisions: createDecisions({ acl: consul.acl, clock }),
    audit,
    async stop() {
      await mode.stop();
      consul.close();
      await audit.stop();
    },
  };
}
