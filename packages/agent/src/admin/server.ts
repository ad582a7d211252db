/** The agent's own HTTP API, for people and orchestrators on this machine: on a loopback port with a token, or on a Unix socket. */
import { lstatSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { connect, type ListenOptions } from "node:net";
import { splitAddress } from "@legation/contract";
import { codeOf, LegationError, listenError, messageOf } from "@legation/runtime";
import Fastify, { type FastifyInstance } from "fastify";
import { type Access, guard } from "./access.js";
import { socketPath } from "./address.js";
import { startMetricsServer } from "./metrics-server.js";
import { type AdminParts, addAdminRoutes } from "./routes.js";

/** A listening API. */
export interface AdminServer {
  close(): Promise<void>;
}

/**
 * Listens on a loopback address, or on a Unix socket that is made with mode 0600; with `metricsAt` (`host:port`) the metrics page is there too.
 * Throws a LegationError that names the flag when an address is taken.
 */
export async function startAdminServer(address: string, parts: AdminParts, access: Access, metricsAt?: string): Promise<AdminServer> {
  const server = createAdminApp(parts, access);
  let metrics: AdminServer | undefined;
  await server.ready();
  try {
    metrics = metricsAt === undefined ? undefined : await startMetricsServer(metricsAt, parts.metrics);
    await listenAt(server.server, address);
  } catch (error) {
    await metrics?.close();
    await server.close();
    throw error;
  }
  return {
    async close() {
      await metrics?.close();
      server.server.closeAllConnections();
      await server.close();
    },
  };
}

/** The API without a socket. */
export function createAdminApp(parts: AdminParts, access: Access): FastifyInstance {
  const server = Fastify({ logger: false, forceCloseConnections: true });
  guard(server, access);
  addAdminRoutes(server, parts);
  return server;
}

/** Lets an HTTP server listen at `host:port`, or on a Unix socket for this user alone. Throws as `startAdminServer`. */
export async function listenAt(server: Server, address: string): Promise<void> {
  const path = socketPath(address);
  if (path !== undefined) return await listenOnSocket(server, path);
  const at = splitAddress(address);
  if (!at) throw new LegationError("config", `${JSON.stringify(address)} is neither host:port nor unix:/path`);
  try {
    await listening(server, at);
  } catch (error) {
    throw listenError(error, { address, what: "the agent's API", flag: "--admin-addr" });
  }
}

function listening(server: Server, where: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function listenOnSocket(server: Server, path: string): Promise<void> {
  await removeLeftSocket(path);
  const mask = process.umask(0o177);
  try {
    await listening(server, { path });
  } catch (error) {
    throw cannotListen(path, messageOf(error));
  } finally {
    process.umask(mask);
  }
}

function cannotListen(path: string, why: string): LegationError {
  return new LegationError(
    "process.listen",
    `the agent's API cannot listen on unix:${path}: ${why}. Choose another path with --admin-addr`,
  );
}

/** A socket that an earlier agent has left, and at which nobody answers, is in the way of the next one. */
async function removeLeftSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw cannotListen(path, "there is a file of that name");
  if (await answers(path)) throw cannotListen(path, "another process listens there");
  rmSync(path, { force: true });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => resolve(codeOf(error) !== "ECONNREFUSED" && codeOf(error) !== "ENOENT"));
  });
}
