/** What is told of the services under one agent: the body of `GET /v1/services`. */
import type { ServiceState } from "@legation/contract";
import { adminUrl } from "../admin/address.js";
import type { HealthLevel } from "../health/verdict.js";
import { isServing } from "../instance.js";
import type { Fleet } from "./fleet.js";
import type { ServiceGraph } from "./graph.js";

/** One service in the list. */
export interface ServiceView {
  readonly id: string;
  readonly service: string;
  readonly file: string;
  /** From 1; the first needs nobody here. */
  readonly layer: number;
  readonly state: ServiceState;
  readonly reason: string;
  readonly serving: boolean;
  readonly health: HealthLevel;
  readonly restartCount: number;
  readonly pids: { readonly app?: number; readonly envoy?: number };
  readonly dependencies: {
    readonly required: readonly string[];
    readonly optional: readonly string[];
    readonly missing: readonly string[];
  };
  /** The service's own API: a URL, or `unix:/path:/services/ID`. */
  readonly api: string;
}

/** All of it. */
export interface FleetView {
  readonly graph: ServiceGraph;
  readonly services: readonly ServiceView[];
}

/** Looks at every service; `placeOf` says where its API stands. */
export function viewOf(fleet: Pick<Fleet, "graph" | "member" | "missing">, placeOf: (id: string) => string): FleetView {
  const { graph } = fleet;
  const services = graph.layers.flatMap((layer, index) =>
    layer.map(({ id, service, file, dependencies }): ServiceView => {
      const member = fleet.member(id);
      const instance = member?.instance;
      const { supervisor, health, envoy } = instance ?? {};
      const envoyPid = envoy?.runner.state.pid;
      return {
        id,
        service,
        file,
        layer: index + 1,
        state: supervisor?.state.phase ?? "pending",
        reason: supervisor?.state.reason ?? member?.problem ?? "not begun",
        serving: instance !== undefined && isServing(instance),
        health: health?.level ?? "UNKNOWN",
        restartCount: supervisor?.state.restarts ?? 0,
        pids: { ...(supervisor?.pid === undefined ? {} : { app: supervisor.pid }), ...(envoyPid === undefined ? {} : { envoy: envoyPid }) },
        dependencies: {
          required: dependencies.filter(({ optional }) => !optional).map(({ name }) => name),
          optional: dependencies.filter(({ optional }) => optional).map(({ name }) => name),
          missing: supervisor?.state.phase === "waiting" ? (instance?.missing ?? []) : fleet.missing(id),
        },
        api: adminUrl(placeOf(id)),
      };
    }),
  );
  return { graph, services };
}
