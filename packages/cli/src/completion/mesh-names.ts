/** Names for completion: those that a control plane knows, if it says them at once. */
import { loadConfig } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import type { Io } from "../command.js";
import type { Names } from "./candidates.js";

/** Somebody waits with a finger on the key; milliseconds. */
const limitMs = 300;

/** Bash puts what it completes into the line as it is: a name that it would expand or run there is not offered. */
const harmless = /^[\w.@:/+][\w.@:/+-]*$/;

interface Services {
  readonly services: Readonly<Record<string, { readonly instances?: readonly { readonly node: string; readonly id: string }[] }>>;
}

const settings = { api: apiOptions.api, token: apiOptions.token, tokenFile: apiOptions.tokenFile, caFile: apiOptions.caFile };
const flags = ["--api", "--token-file", "--ca-file"];

/** Asks the control plane that the command line or the environment names. Says nothing of failures: there is no place for it. */
export function meshNames(words: readonly string[], io: Pick<Io, "env">): Names {
  return async (of) => {
    try {
      const argv = words.flatMap((word, index) => {
        const value = words[index + 1];
        return flags.includes(word) && value !== undefined ? [word, value] : [];
      });
      const { values } = loadConfig(settings, { argv, env: io.env });
      const { services } = await ask<Services>({ ...values, api: values.api.slice(0, 1) }, { path: "/services", limitMs });
      const instances = Object.values(services).flatMap((service) => service.instances ?? []);
      const names = of === "service" ? Object.keys(services) : instances.map(({ node, id }) => (of === "proxy" ? `${node}/${id}` : id));
      return names.filter((name) => harmless.test(name));
    } catch {
      return [];
    }
  };
}
