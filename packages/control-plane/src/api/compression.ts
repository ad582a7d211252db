/** Large answers are sent compressed to who takes it; in the threads of zlib, so that proxies do not wait for it. */

import { constants } from "node:zlib";
import compress from "@fastify/compress";
import type { FastifyInstance } from "fastify";

/** Smaller answers fit into few packets anyway; bytes. */
const threshold = 4_096;

/** Compresses the answers of every route that is added from now on; never those of an event stream, whose reader would wait for a full block. */
export async function useCompression(app: FastifyInstance): Promise<void> {
  await app.register(compress, {
    globalDecompression: false,
    threshold,
    // Nothing is compressed on the thread that serves the proxies.
    syncThreshold: 0,
    encodings: ["gzip", "br"],
    brotliOptions: { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } },
    zlibOptions: { level: 5 },
  });
}
