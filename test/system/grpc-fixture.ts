/** gRPC applications without an Envoy, and services for them: what tests of `xds:///service` start. */
import { type ChildProcess, fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type handleUnaryCall, Server, ServerCredentials, type status } from "@grpc/grpc-js";
import type { Mesh } from "@legation/local";

/** A gRPC server in this process, registered in Consul. */
export interface Backend {
  readonly id: string;
  readonly port: number;
  /** Calls that it was given so far, tries again included. */
  calls(): number;
  /** From now on calls of `Get` fail with this status; with none they are answered. */
  fail(code: status | undefined): void;
  /** Answers the calls of `Hold` that wait. */
  release(): void;
  stop(): void;
}

/**
 * Starts an instance of `service` and registers it. `Get` is answered with its id, `Hold` is when `release` says so, and
 * `Fail` never but with the status of the call's header `fail-with`.
 */
export async function startBackend(mesh: Mesh, service: string, id: string, meta: Readonly<Record<string, string>> = {}): Promise<Backend> {
  const server = new Server();
  const same = (bytes: Buffer) => bytes;
  const method = (name: string) => ({
    ...{ path: `/test.Word/${name}`, requestStream: false, responseStream: false },
    ...{ requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same },
  });
  let calls = 0;
  let failing: status | undefined;
  const waiting = new Set<() => void>();
  const get: handleUnaryCall<Buffer, Buffer> = (_, callback) => {
    calls++;
    if (failing === undefined) callback(null, Buffer.from(id));
    else callback({ code: failing, details: `${id} fails` });
  };
  const hold: handleUnaryCall<Buffer, Buffer> = (_, callback) => {
    calls++;
    const answer = () => callback(null, Buffer.from(id));
    waiting.add(answer);
  };
  server.addService({ get: method("Get"), hold: method("Hold") }, { get, hold });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  const answer = await fetch(`${mesh.consul.url}/v1/agent/service/register`, {
    method: "PUT",
    body: JSON.stringify({ Name: service, ID: id, Address: "127.0.0.1", Port: port, Meta: { protocol: "grpc", ...meta } }),
  });
  if (!answer.ok) throw new Error(`registering ${id}: ${answer.status} ${await answer.text()}`);
  return {
    id,
    port,
    calls: () => calls,
    fail(code) {
      failing = code;
    },
    release() {
      for (const one of waiting) one();
      waiting.clear();
    },
    stop: () => server.forceShutdown(),
  };
}

/** What a call came to: the id of the instance that answered, or gRPC's status by name. */
export interface Answer {
  readonly word?: string;
  readonly code?: string;
  readonly details?: string;
}

/** What to call. */
export interface Calls {
  readonly service: string;
  readonly count: number;
  readonly atOnce?: number;
  readonly method?: "Get" | "Hold";
  readonly headers?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
}

/** The application, in a process of its own: gRPC reads its xDS bootstrap once for each. */
export interface GrpcClient {
  /** As the control plane knows it. */
  readonly node: string;
  call(calls: Calls): Promise<readonly Answer[]>;
  stop(): Promise<void>;
}

/** Starts an application of the service `client` that depends on these services. */
export async function startGrpcClient(mesh: Mesh, dependencies: readonly string[]): Promise<GrpcClient> {
  const node = "machine/client-1";
  const bootstrap = join(mesh.sandbox.makeDir("grpc-client"), "bootstrap.json");
  const metadata = { legation: { api: 1, service: "client", kind: "grpc", dependencies } };
  writeFileSync(
    bootstrap,
    JSON.stringify({
      xds_servers: [{ server_uri: mesh.controlPlane.xds, channel_creds: [{ type: "insecure" }], server_features: ["xds_v3"] }],
      node: { id: node, cluster: "client", metadata, locality: { region: "north", zone: "a" } },
    }),
  );
  const child: ChildProcess = fork(fileURLToPath(new URL("./grpc-client.mjs", import.meta.url)), {
    env: { ...process.env, GRPC_XDS_BOOTSTRAP: bootstrap },
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let last = 0;
  return {
    node,
    call(calls) {
      const id = ++last;
      return new Promise((resolve, reject) => {
        const hear = (message: { id: number; answers: readonly Answer[] }) => {
          if (message.id !== id) return;
          child.off("message", hear);
          resolve(message.answers);
        };
        child.on("message", hear);
        void exited.then(() => reject(new Error("the gRPC application ended")));
        child.send({ id, ...calls });
      });
    },
    async stop() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** How many calls came to each word or status. */
export function tally(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { word, code } of answers) counts[word ?? code ?? ""] = (counts[word ?? code ?? ""] ?? 0) + 1;
  return counts;
}
