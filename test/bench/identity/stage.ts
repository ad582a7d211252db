/** The mesh that is measured: one caller and two services, whose identity is changed by policy while they run. */
import { openSandbox, type ServiceProcess, startMesh, untilMode, writeIdentity } from "@legation/local";
import { programOf } from "@legation/prove/services";

/** How the two Envoys speak with each other. */
export type Wire = "plain" | "mtls";

/** The running mesh. */
export interface Stage {
  readonly caller: ServiceProcess;
  readonly orders: ServiceProcess;
  readonly stock: ServiceProcess;
  /** Changes the policy and waits until every instance stands by it. */
  speak(wire: Wire): Promise<void>;
  stop(): Promise<void>;
}

/** Starts all of it, in plain text. With `enforce`, mutual TLS comes with intentions that are enforced. */
export async function startStage(enforce: boolean): Promise<Stage> {
  const sandbox = openSandbox({ name: "legation-bench" });
  const policies = sandbox.makeDir("policies");
  const mesh = await startMesh({ sandbox, controlPlane: { flags: ["--policies", policies] } });
  try {
    // A health check by connection: `stock` speaks HTTP/2 alone.
    const config = { health: { interval: "1s", failureThreshold: 2, recoveryThreshold: 1 }, envoy: { concurrency: 1 } };
    const [orders, stock] = await Promise.all([
      mesh.startService({ name: "orders", command: [process.execPath, programOf("orders")], config }),
      mesh.startService({ name: "stock", command: [process.execPath, programOf("stock")], config: { ...config, protocol: "http2" } }),
    ]);
    const caller = await mesh.startService({ name: "caller", dependencies: ["orders", "stock"], config });
    return {
      caller,
      orders,
      stock,
      async speak(wire) {
        const mode = wire === "mtls" ? "strict" : "off";
        writeIdentity(policies, { mode, authorization: enforce && wire === "mtls" ? "enforce" : "off" });
        await untilMode([orders, stock, caller], mode);
      },
      stop: async () => void (await mesh.stop()),
    };
  } catch (error) {
    await mesh.stop();
    throw error;
  }
}
