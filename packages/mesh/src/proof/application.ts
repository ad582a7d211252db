/** A small application in a process of its own, which can be told to misbehave, and be killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Protocol } from "@legation/contract";

/** What an application does with requests. Times in milliseconds. */
export interface Behaviour {
  /** The status, where the path does not say one. 200 unless given. */
  readonly status?: number;
  /** Of so many requests in a hundred every one but these is answered with 200, evenly spread. 100 unless given. */
  readonly share?: number;
  /** Before the response begins. 50 unless given; `never`: it does not. */
  readonly delay?: number | "never";
  /** The connection is reset instead of a response. */
  readonly reset?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** After the first byte of the body: nothing more ever, or one byte after each of so many milliseconds. */
  readonly body?: "silence" | number;
  /** The answer to checks: the status of `/healthz`, and of gRPC's health service (200: SERVING). 200 unless given; `never`: `/healthz` has none. */
  readonly health?: number | "never";
}

/** A request that an application was given. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly id: string;
  /** When, in milliseconds since 1970. */
  readonly at: number;
  /** The caller gave it up before the response was complete. */
  readonly cancelled: boolean;
}

/** What an application has seen: since its start, but for checks of its health. */
export interface Seen {
  readonly requests: readonly SeenRequest[];
  /** Connections that it has taken. */
  readonly connections: number;
  /** Checks of its health, of whatever kind. */
  readonly checks: number;
}

/**
 * Answers every request with its name after 50 ms. `/status/<code>` is answered with that code and a forged failure header, `/count`
 * with the number of requests so far; a WebSocket upgrade is accepted, and its bytes are echoed.
 */
const program = `
const [, name, protocol] = process.argv;
const http = require(protocol === "http" ? "node:http" : "node:http2");
const seen = { requests: [], connections: 0, checks: 0 };
let behave = {};
let judged = 0;
process.on("message", (message) => {
  if (message.behave) { behave = message.behave; judged = 0; }
  process.send(seen);
});
process.on("disconnect", () => process.exit());
const well = () => {
  seen.checks += 1;
  return (behave.health ?? 200) === 200;
};
const fails = () => {
  const share = behave.share ?? 100;
  judged += 1;
  return Math.floor(judged * share / 100) > Math.floor((judged - 1) * share / 100);
};
function answer(request, response) {
  if (request.url === "/count") return response.end(String(seen.requests.length));
  if (behave.health === "never" && request.url === "/healthz") return well();
  if (request.url === "/healthz") { well(); response.writeHead(behave.health ?? 200); return response.end("well"); }
  if (request.url === "/grpc.health.v1.Health/Check") {
    response.writeHead(200, { "content-type": "application/grpc" });
    response.addTrailers({ "grpc-status": "0" });
    return response.end(Buffer.from([0, 0, 0, 0, 2, 8, well() ? 1 : 2]));
  }
  const entry = { method: request.method, path: request.url, id: String(request.headers["x-request-id"]), at: Date.now(), cancelled: false };
  seen.requests.push(entry);
  response.on("close", () => { entry.cancelled = !response.writableFinished; });
  const asked = /^\\/status\\/(\\d+)/.exec(request.url)?.[1];
  const failing = asked === undefined && fails();
  const code = Number(asked ?? (failing ? behave.status ?? 200 : 200));
  if (failing && behave.reset) return request.socket.destroy();
  if (behave.delay === "never") return;
  setTimeout(() => {
    if (response.destroyed) return;
    response.writeHead(code, { ...(asked && code !== 200 ? { "x-legation-app": "unreached" } : {}), ...behave.headers });
    if (behave.body === undefined) return response.end(name + " " + request.headers["x-request-id"]);
    response.write("-");
    if (behave.body === "silence") return;
    const drip = setInterval(() => response.write("-"), behave.body);
    response.on("close", () => clearInterval(drip));
  }, behave.delay ?? 50);
}
const server = http.createServer(answer);
if (protocol === "http") server.on("upgrade", (request, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n");
  socket.pipe(socket);
});
server.on("connection", () => { seen.connections += 1; });
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

/** A running application. */
export interface Application {
  readonly port: number;
  /** Has it do this from now on, and nothing of what it was told before. */
  behave(behaviour: Behaviour): Promise<void>;
  seen(): Promise<Seen>;
  /** Ends it by SIGKILL; the second call does nothing. */
  kill(): Promise<void>;
}

/** Starts the application under a name and returns when it listens. It speaks HTTP/1.1 for `http`, and HTTP/2 else. */
export async function startApplication(name: string, protocol: Protocol): Promise<Application> {
  const child = spawn(process.execPath, ["-e", program, name, protocol], { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  const exited = once(child, "exit");
  const { stdout } = child;
  if (!stdout) throw new Error("no output of the application");
  const [line] = (await once(stdout, "data")) as [Buffer];
  let last: Promise<unknown> = Promise.resolve();
  const ask = (message: object): Promise<Seen> => {
    const answered = last.then(async () => {
      const reply = once(child, "message");
      child.send(message);
      return (await reply)[0] as Seen;
    });
    last = answered.catch(() => undefined);
    return answered;
  };
  return {
    port: Number(line),
    behave: async (behaviour) => void (await ask({ behave: behaviour })),
    seen: () => ask({}),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
