/** An order that a control plane passes on to the agents it is for, where these are not of this machine. */
import type { InstanceList } from "@legation/contract/api";
import { type ConfigValues, LegationError, option } from "@legation/runtime/command-line";
import { type ApiSettings, apiOptions, ask } from "./api.js";
import type { AgentSettings } from "./find-agent.js";

/** The settings of commands that can ask a control plane too; without an address the agent of this machine is asked. */
export const remoteSettings = {
  api: option.list({
    description:
      "A control plane's HTTP API: it passes the order on to the agents, wherever they run. Without it an agent of this machine is asked, and where there is none of that name the control plane at http://127.0.0.1:8080",
    unit: "url",
    default: [],
    env: "LEGATION_API",
    flag: "--api",
  }),
  aclToken: option.string({
    description: "Consul ACL token for the control plane, where Consul uses ACLs",
    env: ["LEGATION_TOKEN", "CONSUL_HTTP_TOKEN"],
    secret: true,
  }),
  tokenFile: apiOptions.tokenFile,
  caFile: apiOptions.caFile,
};

/** The values of `remoteSettings`. */
export type RemoteSettings = ConfigValues<typeof remoteSettings>;

/** How a control plane is asked by these settings. */
export function apiOf({ api, aclToken, tokenFile, caFile }: RemoteSettings): ApiSettings {
  return { api: api.length > 0 ? api : ["http://127.0.0.1:8080"], token: aclToken, tokenFile, caFile };
}

/** True when a control plane is to be asked without looking for an agent on this machine: something is named, and so is a control plane and no agent. */
export function isRemote(settings: RemoteSettings & AgentSettings, name: string | undefined): boolean {
  return name !== undefined && settings.api.length > 0 && settings.admin === undefined && settings.stateDir === undefined;
}

/** What an order is for: a service, or one instance of it. */
export interface Target {
  readonly service: string;
  readonly instance?: string;
}

/** What a name means to the control plane: a service, `<Consul node>/<service id>`, or an ID. Throws a LegationError when it knows none, or several. */
export async function targetNamed(settings: ApiSettings, name: string): Promise<Target> {
  const { instances } = await ask<InstanceList>(settings, { path: "/api/instances" });
  const found = instances.filter(({ node, id }) => id === name || `${node}/${id}` === name);
  const [one] = found;
  if (one && found.length === 1) return { service: one.service, instance: `${one.node}/${one.id}` };
  if (instances.some(({ service }) => service === name)) return { service: name };
  const names = found.map(({ node, id }) => `${node}/${id}`).join(", ");
  throw new LegationError(
    "usage",
    found.length > 1
      ? `${name} names several instances. Write one of ${names}`
      : `the control plane knows no instance and no service ${JSON.stringify(name)}. See legation instances`,
  );
}
