/** Where everything is in the mesh of `legation dev`, and a line to call each service by. */

import type { AgentReady } from "@legation/sandbox";
import { sentence, table } from "../layout.js";
import type { Screen } from "../screen.js";
import type { ServingInstance } from "./agent-group.js";
import type { ServiceFile } from "./service-file.js";

/** For programs. */
export interface Addresses {
  /** URLs. */
  readonly consul: string;
  readonly ui: string | null;
  readonly api: string;
  /** `host:port`. */
  readonly xds: string;
  readonly services: readonly ServiceAddress[];
  /** Files of services that do not serve yet. */
  readonly waiting: readonly string[];
}

/** Where one service is. */
export interface ServiceAddress {
  readonly service: string;
  readonly id: string;
  /** URL of the application itself; `tcp://…` where it speaks no HTTP. */
  readonly direct: string;
  /**
   * URL of a proxy by which it is called through the mesh: that of a service which declares it, with the header `Host: <service>`, else its own.
   * Null without Envoy, and for what speaks no HTTP.
   */
  readonly mesh: string | null;
  /** What that proxy needs to be told; null where it needs nothing. */
  readonly host: string | null;
  /** URL of the agent's API. */
  readonly agent: string;
}

/** Finds them. */
export function addressesOf(
  mesh: {
    readonly consul: { readonly url: string; readonly ui: string | undefined };
    readonly controlPlane: { readonly api: string; readonly xds: string };
    readonly envoy: string | undefined;
  },
  files: readonly ServiceFile[],
  serving: readonly ServingInstance[],
): Addresses {
  const { consul, controlPlane, envoy } = mesh;
  return {
    consul: consul.url,
    ui: consul.ui ?? null,
    api: controlPlane.api,
    xds: controlPlane.xds,
    services: serving.map(({ file, ready }) => {
      const through = envoy === undefined || !file.hasEnvoy || !file.isHttp ? undefined : wayTo(file, ready, serving);
      return {
        service: file.service,
        id: ready.id,
        direct: `${file.isHttp ? "http" : "tcp"}://127.0.0.1:${file.port}`,
        mesh: through?.url ?? null,
        host: through?.host ?? null,
        agent: `http://${ready.admin}`,
      };
    }),
    waiting: files.filter((file) => !serving.some((one) => one.file === file)).map(({ path }) => path),
  };
}

/** By the outbound proxy of a service that calls it, else by its own inbound one. */
function wayTo(
  file: ServiceFile,
  ready: AgentReady,
  serving: readonly ServingInstance[],
): { readonly url: string; readonly host?: string } {
  const caller = serving.find((one) => one.file.hasEnvoy && one.file.dependencies.includes(file.service));
  return caller ? { url: `http://${caller.ready.outbound}`, host: file.service } : { url: `http://${ready.inbound}` };
}

/** The table, and a line to call each service by. */
export function showAddresses({ consul, ui, api, xds, services, waiting }: Addresses, screen: Screen): string {
  const rows = [
    ["Consul", ui ?? consul],
    ["API", `${api}/services`],
    ["its documents", `${api}/docs`],
    ["xDS", xds],
    ...services.map(({ service, id, direct }) => [id === service ? service : `${service} (${id})`, direct]),
  ];
  const called = services.filter(({ direct }) => direct.startsWith("http:"));
  const head = called.some(({ mesh }) => mesh !== null) ? "CALL IT THROUGH THE MESH" : "CALL IT";
  const calls = called.map(({ service, direct, mesh, host }) => [
    service,
    `curl ${host === null ? "" : `-H 'Host: ${host}' `}${mesh ?? direct}/`,
  ]);
  return [
    `\n${table(["WHAT", "WHERE"], rows, screen)}`,
    calls.length > 0 ? `\n${table(["SERVICE", head], calls, screen)}` : "",
    ...waiting.map(
      (path) => `\n${sentence(`${path}: it does not serve yet; its log says why. A change of the file is followed.`, screen, "warn")}`,
    ),
    `\n${sentence(`Ask it: export LEGATION_API=${api}; legation services`, screen)}\n`,
  ].join("");
}
