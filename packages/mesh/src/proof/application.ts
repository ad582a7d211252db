/** A small HTTP application in a process of its own, which can be killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Protocol } from "@legation/contract";

/**
 * Answers every request with its name after 50 ms. `/status/<code>` is answered with that code and a forged failure header, `/count`
 * with the number of requests so far; a WebSocket upgrade is accepted, and its bytes are echoed.
 */
const program = `
const http = require(process.argv[2] === "http" ? "node:http" : "node:http2");
let count = 0;
const server = http.createServer((request, response) => {
  if (request.url === "/count") return response.end(String(count));
  count += 1;
  const code = Number(/^\\/status\\/(\\d+)/.exec(request.url)?.[1] ?? 200);
  setTimeout(() => {
    response.writeHead(code, code === 200 ? {} : { "x-legation-app": "unreached" });
    response.end(process.argv[1] + " " + request.headers["x-request-id"]);
  }, 50);
});
server.on("upgrade", (request, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n\\r\\n");
  socket.pipe(socket);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

/** A running application. */
export interface Application {
  readonly port: number;
  /** Ends it by SIGKILL; the second call does nothing. */
  kill(): Promise<void>;
}

/** Starts the application under a name and returns when it listens. It speaks HTTP/1.1 for `http`, and HTTP/2 else. */
export async function startApplication(name: string, protocol: Protocol): Promise<Application> {
  const child = spawn(process.execPath, ["-e", program, name, protocol], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return {
    port: Number(line),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
