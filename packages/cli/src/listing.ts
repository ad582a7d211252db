/** A command that asks a control plane one question and shows the answer, as a table or as JSON. */
import { type ConfigValues, helpText, loadConfig, type OptionTable, wantsHelp } from "@legation/runtime";
import { apiOptions, ask } from "./api.js";
import type { Run } from "./command.js";
import { exitCode } from "./exit-code.js";

/** What tells one listing from another. */
export interface Listing<Body, T extends OptionTable = Record<string, never>> {
  /** The command's name. */
  readonly name: string;
  readonly summary: string;
  /** Its own settings, beside those of every listing. */
  readonly settings?: T;
  /** The API path that answers. */
  readonly path: string;
  /** What of the answer is wanted; all of it unless given. */
  readonly choose?: (body: Body, values: ConfigValues<T>) => Body;
  /** The answer for people, at most `width` columns wide where there is a terminal. Ends with a newline. */
  readonly show: (body: Body, width: number | undefined) => string;
}

/** Makes the command. */
export function listing<Body, T extends OptionTable = Record<string, never>>({
  name,
  summary,
  settings,
  path,
  choose = (body) => body,
  show,
}: Listing<Body, T>): Run {
  const table = { ...settings, ...apiOptions };
  return async (argv, io) => {
    if (wantsHelp(argv)) {
      const examples = [`legation ${name}`, `legation ${name} --api http://10.0.0.5:8080 --json`];
      io.stdout.write(helpText(table, { usage: `legation ${name} [flags]`, summary, examples }));
      return exitCode.done;
    }
    const { values } = loadConfig(table, { argv, env: io.env });
    const common = values as unknown as ConfigValues<typeof apiOptions>;
    const body = choose(await ask<Body>(common, { path }), values as unknown as ConfigValues<T>);
    io.stdout.write(
      common.json
        ? `${JSON.stringify(body, null, 2)}
`
        : show(body, io.stdout.columns),
    );
    return exitCode.done;
  };
}
