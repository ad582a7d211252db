/** The mark of the addresses in an endpoint assignment: what a config dump can be compared with, since it tells no version of endpoints. */
import { fromBinary } from "@bufbuild/protobuf";
import { endpointAddress, endpointMark } from "@legation/contract";
import { ClusterLoadAssignmentSchema } from "@legation/envoy-api/envoy/config/endpoint/v3/endpoint";
import type { Resource } from "@legation/xds";

/** An assignment that was sent; the same object for all proxies that were sent it. */
export type EndpointAssignment = Pick<Resource, "name" | "bytes">;

const known = new WeakMap<EndpointAssignment, string>();

/** Of each assignment it is worked out once. */
export function endpointMarkOf(assignment: EndpointAssignment): string {
  const found = known.get(assignment);
  if (found !== undefined) return found;
  const { endpoints } = fromBinary(ClusterLoadAssignmentSchema, assignment.bytes);
  const addresses = endpoints.flatMap(({ lbEndpoints }) =>
    lbEndpoints.flatMap(({ hostIdentifier }) => {
      const address = hostIdentifier.case === "endpoint" ? hostIdentifier.value.address?.address : undefined;
      if (address?.case !== "socketAddress" || address.value.portSpecifier.case !== "portValue") return [];
      return [endpointAddress(address.value.address, address.value.portSpecifier.value)];
    }),
  );
  const mark = endpointMark(addresses);
  known.set(assignment, mark);
  return mark;
}
