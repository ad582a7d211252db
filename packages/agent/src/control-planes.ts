/** The control planes as Consul's catalog lists them: where each is, and what it says of itself. */
import type { Consul } from "@legation/consul";
import { controlPlaneService, controlPlaneTlsKey } from "@legation/contract";
import { formatAddress } from "@legation/runtime";

/** One of them. */
export interface ListedControlPlane {
  /** `host:port` of its API. */
  readonly address: string;
  /** It says that its API and its xDS take TLS. */
  readonly servesTls: boolean;
}

interface Row {
  readonly Address: string;
  readonly ServiceAddress: string;
  readonly ServicePort: number;
  readonly ServiceMeta: Readonly<Record<string, string>> | null;
}

const limitMs = 2_000;

/** Asks whichever Consul server answers, for 2 s at most. Rejects as `get` does. */
export async function listControlPlanes(consul: Pick<Consul, "get">, signal?: AbortSignal): Promise<readonly ListedControlPlane[]> {
  const { data } = await consul.get<readonly Row[]>(`/catalog/service/${controlPlaneService}`, {
    stale: true,
    timeoutMs: limitMs,
    ...(signal ? { signal } : {}),
  });
  return data.map((row) => ({
    address: formatAddress(row.ServiceAddress || row.Address, row.ServicePort),
    servesTls: row.ServiceMeta?.[controlPlaneTlsKey] === "true",
  }));
}
