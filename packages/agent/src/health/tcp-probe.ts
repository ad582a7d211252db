/** A look over TCP: passes when a connection is accepted; it is closed at once. */
import { connect } from "node:net";
import { connectProblem } from "../http-exchange.js";
import { found, type Probe, type ProbeResult } from "./probe.js";

/** Creates the probe of one address. */
export function createTcpProbe({ host, port }: { readonly host: string; readonly port: number }): Probe {
  const target = `TCP ${host}:${port}`;
  const passes = found(target, "pass", "passes");
  return {
    kind: "tcp",
    target,
    look() {
      const socket = connect({ host, port });
      const result = new Promise<ProbeResult>((resolve) => {
        socket.once("connect", () => {
          resolve(passes);
          socket.destroy();
        });
        socket.once("error", (error) => resolve(found(target, "fail", connectProblem(error))));
        socket.once("close", () => resolve(found(target, "fail", "was given up")));
      });
      return { result, cancel: () => void socket.destroy() };
    },
    close() {},
  };
}
