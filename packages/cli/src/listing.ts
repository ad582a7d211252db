/** A command that asks a control plane one question and shows the answer, as a table or as JSON. */
import { helpText, loadConfig, wantsHelp } from "@legation/runtime";
import { apiOptions, ask } from "./api.js";
import type { Run } from "./command.js";
import { exitCode } from "./exit-code.js";

/** What tells one listing from another. */
export interface Listing<Body> {
  /** The command's name. */
  readonly name: string;
  readonly summary: string;
  /** The API path that answers. */
  readonly path: string;
  /** The answer for people, at most `width` columns wide where there is a terminal. Ends with a newline. */
  readonly show: (body: Body, width: number | undefined) => string;
}

/** Makes the command. */
export function listing<Body>({ name, summary, path, show }: Listing<Body>): Run {
  return async (argv, io) => {
    if (wantsHelp(argv)) {
      const examples = [`legation ${name}`, `legation ${name} --api http://10.0.0.5:8080 --json`];
      io.stdout.write(helpText(apiOptions, { usage: `legation ${name} [flags]`, summary, examples }));
      return exitCode.done;
    }
    const { values } = loadConfig(apiOptions, { argv, env: io.env });
    const body = await ask<Body>(values, { path });
    io.stdout.write(values.json ? `${JSON.stringify(body, null, 2)}\n` : show(body, io.stdout.columns));
    return exitCode.done;
  };
}
