/** Whether a peer's certificate bears out what it says of itself. */
import { controlPlaneService, type ServiceIdentity } from "@legation/contract";

/** The instance for which somebody speaks. */
export interface InstanceClaim {
  /** `<Consul node>/<service id>`. */
  readonly instance: string;
  /** Undefined where only the registry can say it. */
  readonly service: string | undefined;
}

/** Why the certificate of `peer` does not let it speak for an instance, in a sentence; undefined when it does. `serviceOf` asks the registry. */
export function objectionToClaim(
  peer: ServiceIdentity,
  { instance, service }: InstanceClaim,
  serviceOf: (instance: string) => string | undefined,
): string | undefined {
  if (service !== undefined && service !== peer.service)
    return `the certificate is for the service ${peer.service}, and the claim is to be ${service}`;
  const registered = serviceOf(instance);
  if (registered !== undefined && registered !== peer.service)
    return `the certificate is for the service ${peer.service}, and ${instance} is registered as an instance of ${registered}`;
  return undefined;
}

/** True for the certificate of a control plane. */
export function isControlPlane(peer: ServiceIdentity | undefined): boolean {
  return peer?.service === controlPlaneService;
}
