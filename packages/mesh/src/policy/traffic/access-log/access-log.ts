/** Where a service's Envoys write their access logs. */
import { z } from "zod";
import { aspect } from "../aspect.js";

/** The setting: a file, or nowhere. */
export interface AccessLogSettings {
  readonly path: string | undefined;
}

/** The aspect. */
export const accessLog = aspect({
  schema: z
    .strictObject({
      path: z
        .string()
        .regex(/^\/\S{0,253}[^\s/]$/, { error: "use the absolute path of a file, such as /var/log/envoy/access.log or /dev/stdout" })
        .describe("The file on the machine of each proxy."),
    })
    .describe("One line of JSON for each request and connection, written by the service's own proxies. Nowhere unless given."),
  defaults: { path: undefined } satisfies AccessLogSettings as AccessLogSettings,
  over: ({ path }) => ({ path }),
});
