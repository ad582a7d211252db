/** Where the programs of the services are. */
import { fileURLToPath } from "node:url";

/** The services, each of which speaks a protocol of its own: HTTP/1.1, HTTP/2, gRPC. */
export type ProgramName = "orders" | "stock" | "prices";

/** The file that Node runs as the service; it is told its place as `ServiceRun.command` says. */
export function programOf(name: ProgramName): string {
  return fileURLToPath(new URL(`../../dist/services/${name}-main.js`, import.meta.url));
}
