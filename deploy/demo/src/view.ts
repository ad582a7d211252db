/** The live view: figures in, 80 columns of text out. */
import { stripVTControlCharacters } from "node:util";
import type { LoadReport } from "@legation/local";
import type { Calls } from "./identity-look.js";
import type { InstanceView, Overview, Standing } from "./overview.js";

/** All that one frame shows. */
export interface ViewState {
  readonly upMs: number;
  readonly addresses: readonly { readonly name: string; readonly url: string; readonly note?: string }[];
  readonly overview: Overview;
  /** The last few seconds. */
  readonly recent: LoadReport;
  /** Calls between services in the last second; undefined in a shop without identity. */
  readonly calls?: Calls | undefined;
  /** Since the start. */
  readonly total: LoadReport;
  /** Successes per second, one figure per second, the newest last. */
  readonly rates: readonly number[];
  /** Failures per second, like `rates`. */
  readonly failures: readonly number[];
  /** The newest last. */
  readonly events: readonly { readonly at: Date; readonly text: string }[];
  /** What a person could do next. */
  readonly hints: readonly string[];
}

const styles = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const;

/** Puts a style on a text, or leaves it as it is. */
export type Paint = (style: keyof typeof styles, text: string) => string;

/** With colours, or without. */
export const paint = (colours: boolean): Paint =>
  colours ? (style, text) => `\x1b[${styles[style][0]}m${text}\x1b[${styles[style][1]}m` : (_, text) => text;

const width = 80;
const events = { least: 3, most: 8 } as const;
const bars = "▁▂▃▄▅▆▇█";

/** One frame, line by line; no line is wider than 80 columns, and there are at most `rows` lines where that is 24 or more. */
export function frame(state: ViewState, style: Paint, rows: number): string[] {
  const { overview, recent, total } = state;
  const above = [
    spread(style("bold", "Legation demo") + style("dim", `   up ${elapsed(state.upMs)}`), style("dim", "Ctrl-C stops everything")),
    ...state.addresses.map(({ name, url, note }) => fit(`${name.padEnd(14)}${style("cyan", url)}${note ? style("dim", `  ${note}`) : ""}`)),
    "",
    `${light("Consul", overview.consul === "up", style)}   ${light("control plane", overview.controlPlane === "up", style)}   ` +
      light(`${overview.connected} of ${overview.envoys} Envoys connected`, overview.connected === overview.envoys, style),
    ...(state.calls ? [fit(identityLine(state.calls, overview, style))] : []),
    spread(
      `${style("bold", `${perSecond(recent, recent.succeeded)}/s`)} answered   p50 ${ms(recent.latency.p50)}   p99 ${ms(recent.latency.p99)}`,
      failed(total, style),
    ),
    style("green", sparkline(state.rates)) + style("dim", "  last minute"),
    ...(state.failures.some((n) => n > 0) ? [style("red", sparkline(state.failures)) + style("dim", "  failed")] : []),
    "",
    style("dim", "INSTANCE        CONSUL       ENVOYS   REQ/S   SHARE OF ITS SERVICE"),
    ...overview.instances.map((instance) => row(instance, state, style)),
    "",
    ...state.hints.map((hint) => fit(style("dim", hint))),
  ];
  const room = Math.min(events.most, Math.max(events.least, rows - above.length - 1));
  const below = state.events.slice(-room).map(({ at, text }) => fit(`${style("dim", time(at))}  ${text}`));
  return [...above, ...below].slice(0, rows);
}

/** One line for an output that is no terminal. */
export function summaryLine({ recent, total, overview }: ViewState): string {
  const passing = overview.instances.filter(({ standing }) => standing === "passing").length;
  return (
    `${perSecond(recent, recent.succeeded)}/s answered, p50 ${ms(recent.latency.p50)}, p99 ${ms(recent.latency.p99)}, ` +
    `failed ${count(total.failed)} of ${count(total.due)}; ${passing} of ${overview.instances.length} instances passing`
  );
}

/** `1.2 ms`, `85 ms`, `1.2 s`. */
export function ms(value: number): string {
  if (value >= 1_000) return `${(value / 1_000).toFixed(1)} s`;
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** How long it is until a moment: `2 d 23 h`, `59 min`. */
export function untilEnd(at: number, now = Date.now()): string {
  const minutes = Math.max(0, Math.floor((at - now) / 60_000));
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24];
  return days > 0 ? `${days} d ${hours} h` : hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}

/** `12,345`. */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** `04:05:06`. */
export function time(at: Date): string {
  return at.toTimeString().slice(0, 8);
}

function row(instance: InstanceView, { overview, recent }: ViewState, style: Paint): string {
  const own = recent.byInstance[instance.id] ?? 0;
  const all = overview.instances.filter(({ service }) => service === instance.service);
  const share =
    own /
    Math.max(
      1,
      all.reduce((sum, { id }) => sum + (recent.byInstance[id] ?? 0), 0),
    );
  const usable = instance.callers === 0 ? "–" : `${instance.usableBy}/${instance.callers}`;
  const standing = style(colourOf(instance.standing), instance.standing.padEnd(13));
  const figures = `${usable.padStart(6)}${perSecond(recent, own).padStart(8)}`;
  return fit(
    `${instance.id.padEnd(16)}${standing}${figures}   ${style("green", "█".repeat(Math.round(share * 24)))} ${(share * 100).toFixed(0)} %`,
  );
}

/** `● mutual TLS 149/149   required by 7/7   denied 1   certificates 2 d 23 h`. */
function identityLine({ all, tls, denied, active }: Calls, { identity, instances }: Overview, style: Paint): string {
  const says = (word: string) => instances.filter((one) => one.tls === word).length;
  const word = says("required") > 0 ? "required" : "accepted";
  const ends = identity?.firstEnds === undefined ? "none" : untilEnd(identity.firstEnds);
  const calls = light(`mutual TLS ${Math.min(tls, all)}/${all}`, tls >= all - active, style);
  return `${calls}   ${word} by ${says(word)}/${instances.length}   denied ${denied}   certificates ${ends}`;
}

function colourOf(standing: Standing): "green" | "yellow" | "red" | "dim" {
  if (standing === "passing") return "green";
  if (standing === "critical") return "red";
  return standing === "absent" || standing === "unknown" ? "dim" : "yellow";
}

function light(text: string, good: boolean, style: Paint): string {
  return good ? `${style("green", "●")} ${text}` : style("red", `✗ ${text}`);
}

function failed({ failed, due }: LoadReport, style: Paint): string {
  const text = `failed ${count(failed)} of ${count(due)}`;
  return failed === 0 ? style("green", text) : style("red", text);
}

function perSecond({ durationMs }: LoadReport, n: number): string {
  return durationMs < 100 ? "0.0" : ((n * 1_000) / durationMs).toFixed(1);
}

function sparkline(values: readonly number[]): string {
  const shown = values.slice(-60);
  const most = Math.max(1, ...shown);
  return shown.map((value) => bars[Math.min(bars.length - 1, Math.floor((value / most) * (bars.length - 0.01)))] ?? " ").join("");
}

function elapsed(upMs: number): string {
  const seconds = Math.floor(upMs / 1_000);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h > 0 ? `${h} h ${m} min` : m > 0 ? `${m} min ${s} s` : `${s} s`;
}

function spread(left: string, right: string): string {
  const room = width - visible(left) - visible(right);
  return fit(left + " ".repeat(Math.max(1, room)) + right);
}

function visible(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

/** Cuts a line that is too wide, without its colours. */
function fit(line: string): string {
  return visible(line) <= width ? line.trimEnd() : `${[...stripVTControlCharacters(line)].slice(0, width - 1).join("")}…`;
}
