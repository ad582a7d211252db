/** `legation intentions`: who may call whom; `legation intentions check <from> <to>`: what would become of a call, and why. */
import { helpText, LegationError, loadConfig, option, wantsHelp } from "@legation/runtime";
import { apiOptions, ask } from "../api.js";
import type { Run } from "../command.js";
import { exitCode } from "../exit-code.js";
import { sentence, table } from "../layout.js";

/** The part of `GET /v1/intentions` that is shown. */
interface Intentions {
  readonly default: string | null;
  readonly intentions: readonly {
    readonly source: string;
    readonly destination: string;
    readonly precedence: number;
    readonly rule: string | readonly { readonly action: string }[];
    readonly flaw?: string;
  }[];
}

/** The part of `GET /v1/intentions/check` that is shown. */
interface Check {
  readonly from: string;
  readonly to: string;
  readonly verdict: string;
  readonly reason: string;
  readonly authorization: string;
}

const checkOptions = {
  path: option.string({ description: "Path of the request, with or without a query", flag: "--path" }),
  method: option.string({ description: "Method of the request. Default GET, where a path or a header is given", flag: "--method" }),
  header: option.list({
    description: "Header of the request, name:value; several by repeating it or by commas",
    default: [],
    flag: "--header",
  }),
};

const allOptions = { ...checkOptions, ...apiOptions };

/** The intentions in the order in which they are asked, and what holds where none speaks. */
export function show({ intentions, default: byDefault }: Intentions, width?: number): string {
  const rest = `What no intention speaks of: ${byDefault ?? "nobody has said; give the control plane --default-intention"}.`;
  if (intentions.length === 0) return sentence(`There is no intention in Consul. ${rest}`, width);
  const rows = intentions.map(({ source, destination, precedence, rule, flaw }) => [
    source,
    destination,
    typeof rule === "string" ? rule : rule.map(({ action }) => action).join(", then "),
    String(precedence),
    flaw === undefined ? "-" : `denies everything: ${flaw}`,
  ]);
  return `${table(["FROM", "TO", "RULE", "PRECEDENCE", "FLAW"], rows, width)}\n${sentence(rest, width)}`;
}

/** The answer in sentences. */
export function showCheck({ from, to, verdict, reason, authorization }: Check, width?: number): string {
  const done = {
    enforce: `The proxies of ${to} enforce it`,
    shadow: `The proxies of ${to} only count it (authorization: shadow)`,
    off: `The proxies of ${to} do not look at it (authorization: off)`,
  }[authorization];
  return sentence(`${from} to ${to}: ${verdict}, because ${reason}. ${done ?? authorization}.`, width);
}

/** Prints the intentions, or the answer to one call; exits with 1 when the call would be denied. */
export const run: Run = async (argv, io) => {
  if (wantsHelp(argv)) {
    const examples = [
      "legation intentions",
      "legation intentions check web orders",
      "legation intentions check web orders --path /admin --method POST",
    ];
    const summary =
      "Lists Consul's intentions as the control plane follows them, first those that are asked first. With check it says whether a call would be " +
      "allowed, and by which rule: of a connection, or of a request where a path, method or header is given. Exit code 1: it would be denied.";
    io.stdout.write(helpText(allOptions, { usage: "legation intentions [check FROM TO] [flags]", summary, examples }));
    return exitCode.done;
  }
  const { values, positional } = loadConfig(allOptions, { argv, env: io.env, maxPositional: 3 });
  const [word, from, to] = positional;
  const print = (body: unknown, text: string) => io.stdout.write(values.json ? `${JSON.stringify(body, null, 2)}\n` : text);
  if (word === undefined) {
    const body = await ask<Intentions>(values, { path: "/v1/intentions" });
    print(body, show(body, io.stdout.columns));
    return exitCode.done;
  }
  if (word !== "check" || from === undefined || to === undefined)
    throw new LegationError("usage", "write legation intentions, or legation intentions check FROM TO");
  const query = new URLSearchParams({ from, to });
  if (values.path !== undefined) query.set("path", values.path);
  if (values.method !== undefined) query.set("method", values.method);
  for (const line of values.header) query.append("header", line);
  const body = await ask<Check>(values, { path: `/v1/intentions/check?${query}` });
  print(body, showCheck(body, io.stdout.columns));
  return body.verdict === "allow" ? exitCode.done : exitCode.failed;
};
