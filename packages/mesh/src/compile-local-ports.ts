/** The listeners on local ports, and the routes of those that serve HTTP. */
import { ListenerSchema } from "@legation/envoy-api/envoy/config/listener/v3/listener";
import { RouteConfigurationSchema } from "@legation/envoy-api/envoy/config/route/v3/route";
import type { Callee } from "./callee.js";
import { httpPort, localPortName, tcpPort } from "./envoy/listeners/local-port.js";
import { localPortRoutes } from "./envoy/routes/local-port.js";
import type { LocalPort } from "./local-ports.js";
import { isTcpSplit } from "./policy/route/tcp-split.js";
import { type MeshResource, provenance, resource } from "./resource.js";

/**
 * Compiles the ports on which `caller` reaches services that it depends on. A service that nobody has registered is served as bytes, so that
 * connections of a `tcp` one do not end with its last instance.
 */
export function compileLocalPorts(ports: readonly LocalPort[], caller: Callee, dependencies: readonly Callee[]): readonly MeshResource[] {
  return ports.flatMap((at) => {
    const callee = dependencies.find(({ name }) => name === at.service);
    if (!callee) return [];
    const name = localPortName(at);
    const origin = provenance(caller.name, "default", [...new Set([...caller.documents, ...callee.documents])]);
    if (callee.protocol === "tcp" || !callee.registered) {
      const action = callee.rules.find((rule) => isTcpSplit(rule, callee.settings))?.action;
      const to = action?.kind === "forward" ? action.to : [{ service: at.service, subset: undefined, weight: 1 }];
      return [resource(ListenerSchema, name, tcpPort(at, to, caller.settings, callee.settings.timeouts.idle), origin)];
    }
    return [
      resource(ListenerSchema, name, httpPort(at, caller.settings), origin),
      resource(RouteConfigurationSchema, name, localPortRoutes(name, callee.virtualHost), origin),
    ];
  });
}
