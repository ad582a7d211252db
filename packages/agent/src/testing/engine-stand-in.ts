/** A stand-in of a container engine's HTTP API on a Unix socket: list, inspect and events, in the shape that Docker and Podman give them. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A container of the stand-in. */
export interface FakeContainer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** By the container's port, such as "80/tcp": where it is published, or undefined where it is only exposed. */
  readonly ports?: Readonly<Record<string, { readonly host?: string; readonly port: number } | undefined>>;
  readonly networks?: Readonly<Record<string, string>>;
  readonly networkMode?: string;
}

/** The stand-in. */
export interface EngineStandIn {
  /** `unix:///…`. */
  readonly address: string;
  readonly socketPath: string;
  /** Creates a container and starts it. Returns its id. */
  run(container: FakeContainer): string;
  /** Changes the state of a container, with the events that an engine sends. */
  stop(id: string): void;
  start(id: string): void;
  pause(id: string): void;
  unpause(id: string): void;
  remove(id: string): void;
  /** The same without an event: what happens while nobody listens. */
  quietly(change: () => void): void;
  /** The engine goes away with all its connections, and comes back. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** The paths asked so far. */
  readonly asked: readonly string[];
  /** Streams of events that are open. */
  readonly listeners: number;
  close(): Promise<void>;
}

interface Entry extends FakeContainer {
  readonly id: string;
  status: "running" | "paused" | "exited";
}

/** Starts it; call `close` when the test ends. */
export async function startEngineStandIn(): Promise<EngineStandIn> {
  const directory = mkdtempSync(join(tmpdir(), "engine-"));
  const socketPath = join(directory, "engine.sock");
  const entries = new Map<string, Entry>();
  const streams = new Set<ServerResponse>();
  const asked: string[] = [];
  let server: Server | undefined;
  let quiet = false;
  let count = 0;

  const emit = (action: string, { id, name, labels }: Entry): void => {
    if (quiet) return;
    const line = JSON.stringify({ Type: "container", Action: action, Actor: { ID: id, Attributes: { name, ...labels } }, time: 1 });
    for (const stream of streams) stream.write(`${line}\n`);
  };
  const answer = (path: string, response: ServerResponse): void => {
    const json = (body: unknown, status = 200): void => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    const plain = path.replace(/^\/v1\.47/, "");
    const id = /^\/containers\/([^/]+)\/json$/.exec(plain)?.[1];
    if (path === "/_ping") response.writeHead(200, { "api-version": "1.47" }).end("OK");
    else if (plain === path) json({ message: "the version is missing" }, 400);
    else if (plain.startsWith("/containers/json?"))
      json([...entries.values()].filter(({ status }) => status !== "exited").map(({ id }) => ({ Id: id })));
    else if (id !== undefined) {
      const entry = entries.get(id);
      json(entry ? inspected(entry) : { message: `No such container: ${id}` }, entry ? 200 : 404);
    } else if (plain.startsWith("/events?")) {
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      streams.add(response);
      response.once("close", () => streams.delete(response));
    } else json({ message: "page not found" }, 404);
  };
  const become = (id: string, status: Entry["status"], ...actions: string[]): void => {
    const entry = entries.get(id);
    if (!entry) throw new Error(`there is no container ${id}`);
    entry.status = status;
    for (const action of actions) emit(action, entry);
  };
  const up = (): Promise<void> =>
    new Promise((resolve) => {
      server = createServer((request, response) => {
        asked.push(decodeURIComponent(request.url ?? ""));
        answer(request.url ?? "", response);
      }).listen(socketPath, resolve);
    });
  const down = async (): Promise<void> => {
    const closing = server;
    server = undefined;
    closing?.closeAllConnections();
    await new Promise((resolve) => (closing ? closing.close(resolve) : resolve(undefined)));
  };

  await up();
  return {
    address: `unix://${socketPath}`,
    socketPath,
    run(container) {
      count += 1;
      const id = `${count}`.padStart(12, "c").padEnd(64, "0");
      entries.set(id, { ...container, id, status: "running" });
      become(id, "running", "create", "start");
      return id;
    },
    stop: (id) => become(id, "exited", "kill", "die", "stop"),
    start: (id) => become(id, "running", "start"),
    pause: (id) => become(id, "paused", "pause"),
    unpause: (id) => become(id, "running", "unpause"),
    remove(id) {
      const entry = entries.get(id);
      become(id, "exited", "kill", "die", "stop");
      entries.delete(id);
      if (entry) emit("destroy", entry);
    },
    quietly(change) {
      quiet = true;
      change();
      quiet = false;
    },
    down,
    up,
    asked,
    get listeners() {
      return streams.size;
    },
    async close() {
      await down();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function inspected({ id, name, labels, status, ports = {}, networks = {}, networkMode = "bridge" }: Entry): unknown {
  return {
    Id: id,
    Name: `/${name}`,
    State: { Status: status, Running: status !== "exited", Paused: status === "paused" },
    Config: { Labels: labels, ExposedPorts: Object.fromEntries(Object.keys(ports).map((key) => [key, {}])) },
    HostConfig: { NetworkMode: networkMode },
    NetworkSettings: {
      Ports: Object.fromEntries(
        Object.entries(ports).map(([key, at]) => [key, at ? [{ HostIp: at.host ?? "0.0.0.0", HostPort: String(at.port) }] : null]),
      ),
      Networks: Object.fromEntries(Object.entries(networks).map(([key, IPAddress]) => [key, { IPAddress, GlobalIPv6Address: "" }])),
    },
  };
}
