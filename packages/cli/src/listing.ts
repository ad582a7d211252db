/** A command that asks a control plane one question and shows the answer, as a table or as JSON. */
import type { ConfigValues, OptionTable, Page } from "@legation/runtime/command-line";
import { apiOptions, ask } from "./api.js";
import { type Created, createCommand } from "./create-command.js";
import { exitCode } from "./exit-code.js";
import type { Screen } from "./screen.js";

type NoSettings = Record<string, never>;

/** What tells one listing from another. */
export interface Listing<Body, T extends OptionTable = NoSettings> extends Omit<Page, "options"> {
  /** Its own settings, beside those of every listing. */
  readonly settings?: T;
  /** The API path that answers, with its query; the words are the operands' values, not yet encoded. */
  readonly path: string | ((values: ConfigValues<T>, words: readonly string[]) => string);
  /** What of the answer is wanted; all of it unless given. */
  readonly choose?: (body: Body, values: ConfigValues<T>) => Body;
  /** The answer for people, by `table` and `sentence`. Ends with a newline. */
  readonly show: (body: Body, screen: Screen, values: ConfigValues<T>, words: readonly string[]) => string;
  /** The exit code that the answer means; done unless given. */
  readonly code?: (body: Body, values: ConfigValues<T>) => number;
}

/** Makes the command: `export const { run, page } = listing({…})`. It has `--json` and `--watch`. */
export function listing<Body, T extends OptionTable = NoSettings>(spec: Listing<Body, T>): Created {
  const { settings, path, choose = (body: Body) => body, show, code, ...page } = spec;
  return createCommand({
    ...page,
    options: { ...settings, ...apiOptions },
    watchable: true,
    async answer(given, words, { screen }) {
      const values = given as unknown as ConfigValues<T>;
      const asked = typeof path === "string" ? path : path(values, words);
      const body = choose(await ask<Body>(given as unknown as ConfigValues<typeof apiOptions>, { path: asked }), values);
      return { json: body, text: () => show(body, screen, values, words), code: code?.(body, values) ?? exitCode.done };
    },
  });
}
