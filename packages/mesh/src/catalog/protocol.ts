/** The protocol of a whole service, from what its instances say. */
import type { Protocol } from "@legation/contract";
import { byIdentity, type Instance, metaOf } from "./instance.js";

const order: readonly Protocol[] = ["http", "http2", "grpc", "tcp"];

/**
 * The protocol that most instances name, so that one odd registration does not change how the others are called; the earlier
 * of http, http2, grpc and tcp where they are even, and http without instances. `problem` says who differs.
 */
export function protocolOf(instances: readonly Instance[]): { readonly protocol: Protocol; readonly problem?: string } {
  const said = [...instances].sort(byIdentity).map((instance) => ({ instance, protocol: metaOf(instance).protocol }));
  const votes = (protocol: Protocol) => said.filter((s) => s.protocol === protocol).length;
  const protocol = order.reduce((best, next) => (votes(next) > votes(best) ? next : best));
  const odd = said.filter((s) => s.protocol !== protocol);
  if (odd.length === 0) return { protocol };
  const names = odd.map((s) => `${s.instance.node}/${s.instance.id} (${s.protocol})`).join(", ");
  return {
    protocol,
    problem: `its instances name different protocols: called by ${protocol}, which ${names} do not name. Register all with one protocol`,
  };
}
