/** A look by the gRPC health protocol (`grpc.health.v1.Health/Check`), over Node's own HTTP/2: a gRPC library would cost four times the memory. */
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { found, type Look, type Probe, type ProbeResult } from "./probe.js";
import { type TlsOptions, tlsProblem, tlsSettings } from "./tls.js";

/** Whom to ask about what. */
export interface GrpcTarget {
  readonly host: string;
  readonly port: number;
  /** The gRPC service; "" asks about the server as a whole. */
  readonly service: string;
  readonly tls?: TlsOptions;
}

/** An answer of the health service is a few bytes. */
const answerLimit = 1_024;
const statusNames = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

/** Creates the probe; its connection is kept from one look to the next. `node:http2` is loaded with the first look. Throws when the CA file cannot be read. */
export function createGrpcProbe({ host, port, service, tls }: GrpcTarget): Probe {
  const authority = `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const target = `gRPC ${host}:${port}${service === "" ? "" : ` ${service}`}`;
  const settings = tls ? tlsSettings(tls) : {};
  const request = frameOf(service);
  const passes = found(target, "pass", "says SERVING");
  let kept: ClientHttp2Session | undefined;

  const connected = async (): Promise<ClientHttp2Session> => {
    if (kept && !kept.closed && !kept.destroyed) return kept;
    const { connect } = await import("node:http2");
    const session = connect(authority, settings);
    kept = session;
    // What a look does not see: a server that says goodbye while nothing is asked of it.
    session.on("error", () => {});
    session.once("goaway", () => session.close());
    session.once("close", () => {
      if (kept === session) kept = undefined;
    });
    return session;
  };

  const attempt = async (again: boolean, hold: (stream: ClientHttp2Stream) => void): Promise<ProbeResult> => {
    const reused = kept !== undefined;
    const session = await connected();
    const answer = await exchange(session, request, authority, hold);
    if (answer instanceof Error) {
      session.destroy();
      // A kept connection that the other side had just closed says nothing about its health.
      if (again && reused) return attempt(false, hold);
      return found(target, "fail", causeOf(answer));
    }
    const { httpStatus, grpcStatus, body } = answer;
    if (httpStatus !== 200) return found(target, "fail", `answered HTTP ${httpStatus}: this is no gRPC server`);
    if (grpcStatus === 5) return found(target, "fail", "does not know this service");
    if (grpcStatus === 12) return found(target, "fail", "does not implement the gRPC health protocol");
    if (grpcStatus !== 0) return found(target, "fail", `answered gRPC status ${grpcStatus ?? "none"}`);
    const status = servingStatus(body);
    if (status === undefined) return found(target, "fail", "answered something that is no health status");
    return status === 1 ? passes : found(target, "fail", `says ${statusNames[status] ?? status}`);
  };

  return {
    kind: "grpc",
    target,
    look(): Look {
      let stream: ClientHttp2Stream | undefined;
      let given = false;
      const result = attempt(true, (opened) => {
        stream = opened;
        if (given) opened.destroy();
      }).catch((error: Error) => found(target, "fail", causeOf(error)));
      return {
        result,
        cancel() {
          given = true;
          // A connection on which an answer did not come is not trusted with the next question.
          kept?.destroy();
          stream?.destroy();
        },
      };
    },
    close: () => kept?.destroy(),
  };
}

interface Answer {
  readonly httpStatus: number;
  readonly grpcStatus?: number;
  readonly body: Buffer;
}

function exchange(
  session: ClientHttp2Session,
  request: Buffer,
  authority: string,
  hold: (stream: ClientHttp2Stream) => void,
): Promise<Answer | Error> {
  return new Promise((resolve) => {
    const stream = session.request({
      ":method": "POST",
      ":scheme": new URL(authority).protocol.slice(0, -1),
      ":path": "/grpc.health.v1.Health/Check",
      "content-type": "application/grpc",
      te: "trailers",
      "user-agent": "legation-agent",
    });
    hold(stream);
    const chunks: Buffer[] = [];
    let size = 0;
    let httpStatus = 0;
    let grpcStatus: number | undefined;
    let problem: Error | undefined;
    const read = (headers: Readonly<Record<string, unknown>>): void => {
      if (headers["grpc-status"] !== undefined) grpcStatus = Number(headers["grpc-status"]);
    };
    // A session that cannot connect tells nobody but itself why.
    const onSessionError = (error: Error): void => {
      problem ??= error;
    };
    session.once("error", onSessionError);
    stream.once("response", (headers) => {
      httpStatus = Number(headers[":status"] ?? 0);
      read(headers);
    });
    stream.once("trailers", read);
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > answerLimit) stream.destroy(new Error("answered something that is no health status"));
      else chunks.push(chunk);
    });
    stream.once("error", (error) => {
      problem ??= error;
    });
    stream.once("close", () => {
      session.off("error", onSessionError);
      if (problem || httpStatus === 0) resolve(problem ?? new Error("closed the connection"));
      else resolve({ httpStatus, ...(grpcStatus === undefined ? {} : { grpcStatus }), body: Buffer.concat(chunks) });
    });
    stream.end(request);
  });
}

function causeOf(given: Error): string {
  // A stream that waited for its connection names the connection's error as its cause.
  const error: NodeJS.ErrnoException = given.cause instanceof Error ? given.cause : given;
  if (error.code === "ERR_HTTP2_ERROR") return "answered something that is not HTTP/2";
  return error.code?.startsWith("ERR_HTTP2_") ? "closed the connection" : tlsProblem(error);
}

/** A `HealthCheckRequest{service}` in gRPC's frame: not compressed, and its length in four bytes. */
function frameOf(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** `HealthCheckResponse.status` (field 1); 0 where it is left out, undefined for what is no such message. Unknown fields are not expected of it. */
function servingStatus(body: Buffer): number | undefined {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return undefined;
  if (body.length === 5) return 0;
  const value = body[6];
  return body.length === 7 && body[5] === 0x08 && value !== undefined && value < 0x80 ? value : undefined;
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
