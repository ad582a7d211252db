/**
 * The echo application: says who answered, calls another service if asked to, and can be made sick. Environment: PORT, SERVICE,
 * INSTANCE, OUTBOUND.
 *
 * `GET /any` → `{service, instance, path}`; `?ms=200` answers after that time. `GET /call/orders/any` asks `http://orders/any` through
 * Envoy and puts its own name before the answerers. `GET /health` → 200, or what was set. `PUT /control` with
 * `{health?: status, document?: {status: word, …}, status?: status, failing?: n, delayMs?: ms, hang?: boolean}` sets what all later requests get;
 * with `failing` every n-th gets a 500.
 */
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import { answeredBy } from "./answered-by.js";

interface Control {
  health: number;
  document: Readonly<Record<string, unknown>>;
  status: number;
  failing: number;
  delayMs: number;
  hang: boolean;
}

const { PORT = "0", SERVICE = "echo", INSTANCE = "echo-1", OUTBOUND = "" } = process.env;
const control: Control = { health: 200, document: {}, status: 200, failing: 0, delayMs: 0, hang: false };

let answered = 0;

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://echo");
  if (request.method === "PUT" && url.pathname === "/control") setControl(request, response);
  else if (url.pathname === "/health") {
    if (!control.hang) answer(response, control.health, [INSTANCE], { service: SERVICE, instance: INSTANCE, ...control.document });
  } else if (!control.hang) setTimeout(() => reply(url, response), control.delayMs + Number(url.searchParams.get("ms") ?? 0));
});

function reply(url: URL, response: ServerResponse): void {
  const [, word, service, ...rest] = url.pathname.split("/");
  const body = { service: SERVICE, instance: INSTANCE, path: url.pathname };
  if (word !== "call" || !service) {
    answered++;
    const status = control.failing > 0 && answered % control.failing === 0 ? 500 : control.status;
    answer(response, status, [INSTANCE], body);
    return;
  }
  const call = get(`${OUTBOUND}/${rest.join("/")}${url.search}`, { headers: { host: service } }, (upstream) => {
    upstream.resume();
    const others = answeredBy(upstream.headers[answeredBy.header]);
    upstream.once("end", () => answer(response, upstream.statusCode ?? 502, [INSTANCE, ...others], body));
  });
  call.once("error", (error) => answer(response, 502, [INSTANCE], { ...body, error: error.message }));
}

function answer(response: ServerResponse, status: number, by: readonly string[], body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", [answeredBy.header]: by.join(", ") });
  response.end(`${JSON.stringify(body)}\n`);
}

function setControl(request: IncomingMessage, response: ServerResponse): void {
  let text = "";
  request.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  request.once("end", () => {
    Object.assign(control, JSON.parse(text));
    answer(response, 200, [INSTANCE], control);
  });
}

server.keepAliveTimeout = 300_000;
server.listen(Number(PORT), "127.0.0.1");
process.once("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
