/** Which version of the agent this is. */
import { readFileSync } from "node:fs";

/** The version that the agent reports. */
export const agentVersion = (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;
