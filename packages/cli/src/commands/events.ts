/** `legation events`: what happened in the mesh, and with `--follow` what happens. */
import type { EventList, MeshEvent } from "@legation/contract/api";
import { type ConfigValues, codeOf, loadConfig, messageOf, option } from "@legation/runtime/command-line";
import { apiOptions, ask } from "../api.js";
import type { Run } from "../command.js";
import { createCommand } from "../create-command.js";
import { exitCode } from "../exit-code.js";
import { type Cell, sentence, table } from "../layout.js";
import { guarded, paint, type Screen, screenOf } from "../screen.js";
import { signalExitCodes } from "../watch.js";

const settings = {
  service: option.string({ description: "Only events of this service", unit: "service", flag: "--service" }),
  type: option.list({
    description: "Only these types, or types that begin so: breaker, instance.health-changed",
    default: [],
    unit: "type",
    flag: "--type",
  }),
  severity: option.enumeration(["info", "warning", "error"], {
    description: "Only events of this severity or a worse one",
    default: "info",
    flag: "--severity",
  }),
  since: option.duration({ description: "Only events of the last so much time: 10m", flag: "--since" }),
  limit: option.integer({ description: "Events at most", default: 100, min: 1, max: 1_000, flag: "--limit" }),
  follow: option.boolean({ description: "Go on with each event as it happens, until Ctrl-C", default: false, flag: "--follow" }),
};
const options = { ...settings, ...apiOptions };
type Values = ConfigValues<typeof options>;

/** Between two questions of `--follow`; milliseconds. */
const followEvery = 1_000;

/** Ids that `--follow` remembers, so that what another control plane tells again is not shown again. */
const idsRemembered = 2_000;

const levels = { info: undefined, warning: "warn", error: "bad" } as const;

/** The table, oldest first. */
export function show({ events, gap, silent }: Pick<EventList, "events" | "gap" | "silent">, screen: Screen): string {
  const rows = events.map((event): Cell[] => [timeOf(event), { text: event.type, level: levels[event.severity] ?? "strong" }, event.text]);
  const list = rows.length === 0 ? sentence("Nothing of this kind has happened.", screen) : table(["AT", "TYPE", "WHAT"], rows, screen);
  return `${list}${notes({ gap, silent }, screen)}`;
}

function notes({ gap, silent }: { readonly gap?: EventList["gap"]; readonly silent: readonly string[] }, screen: Screen): string {
  const missing = gap ? sentence(`Events are missing: ${gap.why}.`, screen, "warn") : "";
  return missing + silent.map((words) => sentence(`Not told: what only the control plane at ${words} sees.`, screen, "bad")).join("");
}

function timeOf({ time }: MeshEvent): string {
  return time.replace(/\.\d+Z$/, "Z");
}

function pathOf(values: Values, more: Readonly<Record<string, string>>): string {
  const { service, type, severity } = values;
  const query = new URLSearchParams({ severity, limit: String(values.limit), ...more });
  if (service) query.set("service", service);
  if (type.length > 0) query.set("type", type.join(","));
  return `/api/events?${query}`;
}

function sinceOf({ since }: Values, now: number): Readonly<Record<string, string>> {
  return since === undefined ? {} : { since: new Date(now - since).toISOString() };
}

const created = createCommand({
  description:
    "Lists what happened in the mesh, oldest first, over all control planes: services and instances that come and go, health, lifecycle, " +
    "breakers, policies, canaries, intentions, proxies, agents, control planes, certificates. Shows events of services that the token may " +
    'read, and all with key "legation/mesh" { policy = "read" }. With --json and --follow, one event a line.',
  options,
  examples: [
    "legation events",
    "legation events --follow --service orders",
    "legation events --since 10m --type breaker,instance.health-changed",
    "legation events --severity error --json",
  ],
  seeAlso: ["legation audit", "legation security-events"],
  async answer(values, _words, { io, screen }) {
    const list = await ask<EventList>(values, { path: pathOf(values, sinceOf(values, io.clock.now())) });
    return { json: list, text: () => show(list, screen) };
  },
});

/** The manual page. */
export const page = created.page;

/** Lists once, or follows. */
export const run: Run = async (argv, io) => {
  const { values } = argv.includes("--follow") ? loadConfig(options, { argv, env: io.env, maxPositional: 0 }) : { values: undefined };
  return values?.follow ? follow(values, io) : created.run(argv, io);
};

/** Asks again and again behind the place of the last answer, at whichever control plane answers: each knows the place. */
async function follow(values: Values, outside: Parameters<Run>[1]): Promise<number> {
  const screen = screenOf(outside);
  const stdout = guarded(outside.stdout, screen);
  const stderr = guarded(outside.stderr, screen);
  const ending = new AbortController();
  let code: number = exitCode.done;
  const release = outside.onSignal((name) => {
    code = signalExitCodes[name];
    ending.abort(new Error(name));
  });
  const shown = new Set<string>();
  let place: Readonly<Record<string, string>> = sinceOf(values, outside.clock.now());
  let told = "";
  try {
    while (!ending.signal.aborted) {
      let more = false;
      try {
        const list = await ask<EventList>(values, { path: pathOf(values, place) });
        for (const event of list.events) {
          if (shown.has(event.id)) continue;
          shown.add(event.id);
          if (shown.size > idsRemembered) for (const oldest of shown) if (shown.delete(oldest)) break;
          stdout.write(values.json ? `${JSON.stringify(event)}\n` : lineOf(event, screen));
        }
        const said = notes(list, screen);
        if (said !== told) stderr.write(said);
        told = said;
        place = { after: list.next };
        more = list.more;
      } catch (error) {
        // What may pass is asked again, once there was an answer.
        if (!("after" in place) || codeOf(error) === "api.denied" || codeOf(error) === "api.refused") throw error;
        const said = `${messageOf(error)}. Asking again.\n`;
        if (said !== told) stderr.write(said);
        told = said;
      }
      if (!more) await outside.clock.sleep(followEvery, ending.signal).catch(() => undefined);
    }
    return code;
  } finally {
    release();
  }
}

function lineOf(event: MeshEvent, screen: Screen): string {
  const line = sentence(`${timeOf(event)} ${event.type} ${event.text}`, screen);
  return line.replace(event.type, (type) => paint(type, levels[event.severity] ?? "strong", screen));
}
