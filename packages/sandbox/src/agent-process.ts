/** An agent on this machine: the built `legation agent` for one service file or a directory of them. */
import type { Child } from "./child.js";
import type { Sandbox } from "./sandbox.js";
import { legationCommand } from "./tool.js";

/** Where a control plane is found. A `ControlPlaneProcess` is one. */
export interface ControlPlaneAddress {
  readonly xds: string;
  readonly api: string;
}

/** How to run an agent. Addresses are `host:port`; what is not given is as the files say. */
export interface AgentRun {
  /** For its log file. */
  readonly name: string;
  /** A service file, or a directory of them for an agent with many. */
  readonly services: { readonly file: string } | { readonly directory: string };
  readonly stateDir: string;
  /** URL of Consul's API. */
  readonly consul: string;
  readonly controlPlanes: readonly ControlPlaneAddress[];
  readonly admin?: string | undefined;
  readonly inbound?: string | undefined;
  readonly outbound?: string | undefined;
  readonly envoyAdmin?: string | undefined;
  /** More flags behind the ones that are always given. */
  readonly flags?: readonly string[];
  /** The Envoy to run; found by the agent itself without it. */
  readonly envoy?: string | undefined;
  /** File with the ACL token that it has at Consul. */
  readonly tokenFile?: string | undefined;
  /** The path of the `legation` command; this repository's unless given. */
  readonly command?: string;
}

/** Starts it; resolves as soon as its process runs. To stop it is up to the caller. */
export function startAgent(sandbox: Sandbox, run: AgentRun): Promise<Child> {
  const addresses = { admin: run.admin, inbound: run.inbound, outbound: run.outbound, "envoy-admin": run.envoyAdmin };
  const args = [
    ...("file" in run.services ? ["--config", run.services.file] : ["--all", run.services.directory]),
    ...["--state-dir", run.stateDir, "--consul-addr", run.consul],
    ...["--control-plane-xds", run.controlPlanes.map(({ xds }) => xds).join(",")],
    ...["--control-plane-api", run.controlPlanes.map(({ api }) => api).join(",")],
    ...Object.entries(addresses).flatMap(([name, address]) => (address === undefined ? [] : [`--${name}-addr`, address])),
    ...(run.flags ?? []),
  ];
  const env = {
    ...(run.envoy === undefined ? {} : { ENVOY_BIN: run.envoy }),
    ...(run.tokenFile === undefined ? {} : { CONSUL_HTTP_TOKEN_FILE: run.tokenFile }),
  };
  return sandbox.start({ name: run.name, file: process.execPath, args: [run.command ?? legationCommand, "agent", ...args], env });
}
