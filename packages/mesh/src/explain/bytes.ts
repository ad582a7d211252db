/** A connection through a local port of a service that speaks `tcp`. */
import { fromBinary } from "@bufbuild/protobuf";
import type { ExplainedStep } from "@legation/contract/api";
import { unpackAny } from "@legation/envoy-api";
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { TcpProxySchema } from "@legation/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy";
import type { LocalPort } from "../local-ports.js";
import { subsetKey } from "../policy/traffic/subsets/subset-balancing.js";
import type { MeshResource } from "../resource.js";
import type { Walked } from "./explain.js";
import { explainWay, type WayQuestion } from "./way.js";
import type { ExplainedWorld } from "./world.js";

/** Explains it from the listener's own message. */
export function explainBytes(
  world: ExplainedWorld,
  step: ExplainedStep,
  { service }: LocalPort,
  listener: Pick<MeshResource, "bytes">,
): Walked {
  const answers = destinations(listener, service).map((to) => explainWay(world, { ...to, rule: undefined, request: undefined }));
  return {
    steps: [{ ...step, details: ["bytes: each connection goes to one instance, and what does not connect is tried at up to 20"] }],
    ways: answers.map(({ way }) => way),
    outcomes: answers.flatMap(({ outcomes }) => outcomes),
  };
}

function destinations(
  { bytes }: Pick<MeshResource, "bytes">,
  service: string,
): readonly Pick<WayQuestion, "service" | "subset" | "share">[] {
  const filters = fromBinary(ListenerSchema, bytes).filterChains.flatMap((chain) => chain.filters);
  const config = filters.find(({ name }) => name === "envoy.filters.network.tcp_proxy")?.configType;
  const how = config?.case === "typedConfig" ? unpackAny(TcpProxySchema, config.value).clusterSpecifier : undefined;
  if (how?.case !== "weightedClusters") return [{ service: how?.value ?? service, subset: undefined, share: 1 }];
  const total = how.value.clusters.reduce((sum, { weight }) => sum + weight, 0);
  return how.value.clusters.map(({ name, weight, metadataMatch }) => {
    const subset = metadataMatch?.filterMetadata["envoy.lb"]?.[subsetKey];
    return { service: name, subset: typeof subset === "string" ? subset : undefined, share: weight / total };
  });
}
