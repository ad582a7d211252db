import { createSecureServer, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { type AddressInfo, createServer as createTcp, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createHostCertificate } from "../testing/host-certificate.js";
import { createGrpcProbe, type GrpcTarget } from "./grpc-probe.js";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Answer = (stream: ServerHttp2Stream, asked: { readonly path: string; readonly message: string }) => void;

async function listen(server: ReturnType<typeof createTcp> | Http2Server): Promise<number> {
  closing.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

function answering(server: Http2Server, answer: Answer): { sessions: ServerHttp2Session[] } {
  const sessions: ServerHttp2Session[] = [];
  server.on("session", (session) => {
    sessions.push(session);
    session.on("error", () => {});
    closing.push(() => session.destroy());
  });
  server.on("stream", (stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.once("end", () => answer(stream, { path: String(headers[":path"]), message: Buffer.concat(chunks).toString("hex") }));
  });
  return { sessions };
}
const serve = async (answer: Answer) => {
  const server = createServer();
  const { sessions } = answering(server, answer);
  return { port: await listen(server), sessions };
};

/** Answers as a gRPC server does: a frame, then the status in the trailers. */
const says =
  (message: readonly number[], status = "0"): Answer =>
  (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
    stream.end(Buffer.from([0, 0, 0, 0, message.length, ...message]));
  };
const answersWith =
  (body: Buffer): Answer =>
  (stream) => {
    stream.respond({ ":status": 200 });
    stream.end(body);
  };
const serving = says([0x08, 1]);
const onlyTrailers =
  (status: string): Answer =>
  (stream) =>
    stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": status }, { endStream: true });

function probeOf(port: number, over: Partial<GrpcTarget> = {}) {
  const probe = createGrpcProbe({ host: "127.0.0.1", port, service: "", ...over });
  closing.push(() => probe.close());
  return probe;
}
async function causeAt(port: number, over: Partial<GrpcTarget> = {}): Promise<string> {
  const probe = probeOf(port, over);
  const { outcome, message } = await probe.look().result;
  return `${outcome}: ${message.replace(`${probe.target} `, "")}`;
}

describe("a check by the gRPC health protocol", () => {
  it("asks for its service, over one kept connection", async () => {
    const asked: unknown[] = [];
    const { port, sessions } = await serve((stream, question) => {
      asked.push(question);
      serving(stream, question);
    });
    const probe = probeOf(port, { service: "a.B" });
    for (let i = 0; i < 3; i++)
      expect(await probe.look().result).toEqual({ outcome: "pass", message: `gRPC 127.0.0.1:${port} a.B says SERVING` });
    expect(asked).toEqual(Array(3).fill({ path: "/grpc.health.v1.Health/Check", message: "00000000050a03612e42" }));
    expect(sessions).toHaveLength(1);
  });

  it.each<[string, Answer, string]>([
    ["serves", serving, "pass: says SERVING"],
    ["does not serve", says([0x08, 2]), "fail: says NOT_SERVING"],
    ["does not know itself", says([]), "fail: says UNKNOWN"],
    ["says a status of the future", says([0x08, 9]), "fail: says 9"],
    ["answers nonsense", says([0x12, 1, 2]), "fail: answered something that is no health status"],
    ["does not know the service", onlyTrailers("5"), "fail: does not know this service"],
    ["knows no health protocol", onlyTrailers("12"), "fail: does not implement the gRPC health protocol"],
    ["fails", says([], "13"), "fail: answered gRPC status 13"],
    ["forgets the status", answersWith(Buffer.alloc(0)), "fail: answered gRPC status none"],
    [
      "is a web server",
      (stream) => stream.respond({ ":status": 404 }, { endStream: true }),
      "fail: answered HTTP 404: this is no gRPC server",
    ],
    ["resets the stream", (stream) => stream.close(2), "fail: closed the connection"],
    ["says too much", answersWith(Buffer.alloc(2_000_000)), "fail: answered something that is no health status"],
  ])("judges a server that %s", async (_what, answer, cause) => {
    const { port } = await serve(answer);
    expect(await causeAt(port)).toBe(cause);
  });

  it("connects again when the server had said goodbye, or had gone", async () => {
    const { port, sessions } = await serve(serving);
    const probe = probeOf(port);
    expect((await probe.look().result).outcome).toBe("pass");
    sessions[0]?.close();
    expect((await probe.look().result).outcome).toBe("pass");
    sessions.at(-1)?.destroy();
    expect((await probe.look().result).outcome).toBe("pass");
    expect(sessions.length).toBeGreaterThanOrEqual(3);
  });

  it.each<[string, (socket: Socket) => void, string]>([
    ["closes", (socket) => socket.end(), "fail: closed the connection"],
    ["resets", (socket) => socket.resetAndDestroy(), "fail: closed the connection"],
    ["speaks HTTP/1", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"), "fail: answered something that is not HTTP/2"],
  ])("fails in stable words when the other side %s", async (_what, act, cause) => {
    const port = await listen(createTcp((socket) => socket.on("error", () => {}).once("data", () => act(socket))));
    expect(await causeAt(port)).toBe(cause);
  });

  it("says that nobody listens", async () => {
    const server = createTcp();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await causeAt(port)).toBe("fail: refused the connection");
  });

  it("can be given up, and looks anew afterwards", async () => {
    let hang = true;
    const { port, sessions } = await serve((stream, question) => {
      if (!hang) serving(stream, question);
      else asked();
    });
    let asked = () => {};
    const arrived = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const probe = probeOf(port);
    const look = probe.look();
    await arrived;
    look.cancel();
    expect((await look.result).outcome).toBe("fail");
    hang = false;
    expect((await probe.look().result).outcome).toBe("pass");
    expect(sessions).toHaveLength(2);
    const early = probe.look();
    early.cancel();
    expect((await early.result).outcome).toBe("fail");
  });

  it("speaks TLS, with the name and the authority that it is given", async () => {
    const certificate = createHostCertificate("orders.internal");
    closing.push(certificate.remove);
    const server = createSecureServer({ key: certificate.key, cert: certificate.cert });
    answering(server, serving);
    const port = await listen(server);
    const ca = certificate.caFile;
    expect(await causeAt(port, { tls: { ca, serverName: "orders.internal", insecure: false } })).toBe("pass: says SERVING");
    expect(await causeAt(port, { tls: { ca, insecure: false } })).toBe("fail: has a certificate for another name");
    expect(await causeAt(port, { tls: { insecure: false } })).toMatch(/^fail: has a certificate that is not trusted/);
    expect(await causeAt(port, { tls: { insecure: true } })).toBe("pass: says SERVING");
    expect(await causeAt(port)).toMatch(/^fail: /);
  });
});
