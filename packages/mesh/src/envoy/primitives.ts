/** Small Envoy values that every kind of resource is made of. */
import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";
import { type Address, AddressSchema } from "@legation/envoy-api/envoy/config/core/v3/address";
import { ApiVersion, type ConfigSource, ConfigSourceSchema } from "@legation/envoy-api/envoy/config/core/v3/config_source";

/** Whole milliseconds as a protobuf duration. */
export function duration(ms: number): Duration {
  return create(DurationSchema, { seconds: BigInt(Math.trunc(ms / 1000)), nanos: (ms % 1000) * 1_000_000 });
}

/** A TCP address. */
export function socketAddress(host: string, port: number): Address {
  return create(AddressSchema, {
    address: { case: "socketAddress", value: { address: host, portSpecifier: { case: "portValue", value: port } } },
  });
}

/** "Ask on the stream that this resource came by." */
export function adsSource(): ConfigSource {
  return create(ConfigSourceSchema, { configSourceSpecifier: { case: "ads", value: {} }, resourceApiVersion: ApiVersion.V3 });
}
