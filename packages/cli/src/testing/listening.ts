/** Servers that stand in for an API in tests of commands. */
import type { Server } from "node:http";

/** Lets the server listen on a free port of loopback; resolves to its URL. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
}
