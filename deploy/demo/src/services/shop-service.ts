/** What the three services of the demo have in common: one HTTP server, a health document, calls through Envoy, a graceful end. */
import { Agent, createServer, get, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/** Set by the agent's configuration in the environment of each service. */
export interface ServiceEnvironment {
  readonly port: number;
  readonly service: string;
  readonly instance: string;
  /** Envoy's outbound listener: requests go there with the name of the service that is called in the Host header. */
  readonly outbound: string;
}

/** One answer of a service. `by` names the instances that took part, the nearest to the client first. */
export interface Answer {
  readonly status: number;
  readonly by: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
}

/** Calls another service, such as `http://orders/orders/7`. Never rejects: what goes wrong becomes an answer with status 502. */
export type Call = (url: string) => Promise<Answer>;

const callLimit = 20_000;

/** Reads the environment; a missing port is an error that says so. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): ServiceEnvironment {
  const { PORT = "", SERVICE = "", INSTANCE = "", OUTBOUND = "" } = env;
  if (!/^\d+$/.test(PORT)) throw new Error("PORT must be the port to listen on");
  return { port: Number(PORT), service: SERVICE, instance: INSTANCE, outbound: OUTBOUND };
}

/** Listens on loopback and answers with what `handle` makes of the path. SIGTERM lets running requests finish, then the process exits. */
export function serve(
  { port, service, instance, outbound }: ServiceEnvironment,
  handle: (path: string, call: Call) => Promise<Answer> | Answer,
): Server {
  const agent = new Agent({ keepAlive: true });
  const call: Call = (url) => callThrough(outbound, new URL(url), agent);
  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    if (path === "/health") return send(response, { status: 200, by: [instance], body: health(service) });
    const { status, by, body } = await handle(path, call);
    send(response, { status, by: [instance, ...by], body });
  });
  server.keepAliveTimeout = 300_000;
  server.listen(port, "127.0.0.1");
  process.once("SIGTERM", () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
  return server;
}

function send(response: ServerResponse, { status, by, body }: Answer): void {
  response.writeHead(status, { "content-type": "application/json", "x-answered-by": by.join(", ") });
  response.end(`${JSON.stringify({ ...body, answeredBy: by }, undefined, 2)}\n`);
}

function health(service: string): Record<string, unknown> {
  const { heapUsed: used, heapTotal: total } = process.memoryUsage();
  return {
    status: "healthy",
    service,
    timestamp: new Date().toISOString(),
    uptime: process.uptime(),
    version: "1.0.0",
    memory: { used, total, percentage: Math.round((used / total) * 100) },
  };
}

function callThrough(outbound: string, url: URL, agent: Agent): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (why: string) => resolve({ status: 502, by: [], body: { error: `${url.host}: ${why}` } });
    const signal = AbortSignal.timeout(callLimit);
    const options = { agent, signal, headers: { host: url.host } };
    const sent = get(outbound + url.pathname + url.search, options, (response) =>
      read(response).then(resolve, (e: Error) => fail(e.message)),
    );
    sent.once("error", (error) => fail(signal.aborted ? `no answer within ${callLimit / 1000} s` : error.message));
  });
}

async function read(response: IncomingMessage): Promise<Answer> {
  let text = "";
  for await (const chunk of response) text += chunk;
  const status = response.statusCode ?? 502;
  const by = String(response.headers["x-answered-by"] ?? "");
  const body = status === 200 ? (JSON.parse(text) as Record<string, unknown>) : { error: text.trim().slice(0, 200) };
  return { status, by: by ? by.split(", ") : [], body };
}
