/** All proxies as a table, and below it what is wrong with each. */
import type { ProxyList, ProxyState, ProxyView } from "@legation/contract/api";
import { type Cell, sentence, table } from "../layout.js";
import type { Level, Screen } from "../screen.js";

const levels: Readonly<Record<ProxyState, Level>> = {
  "up-to-date": "good",
  behind: "warn",
  quarantined: "warn",
  waiting: "warn",
  refused: "bad",
  absent: "bad",
  unknown: "faint",
};

/** The state in its colour; of one that is behind, for how long. */
export function stateCell({ state, behindMs }: Pick<ProxyView, "state" | "behindMs">): Cell {
  return { text: state === "behind" ? `${state} ${ageText(behindMs)}` : state, level: levels[state] };
}

/** How many of the resources that a proxy was sent it holds: `12 of 14`. */
export function acceptedOf({ types }: Pick<ProxyView, "types">): string {
  const sum = (of: "sent" | "acknowledged") => types.reduce((total, type) => total + type[of], 0);
  return types.length === 0 ? "-" : `${sum("acknowledged")} of ${sum("sent")}`;
}

/** `0.4 s`, `12 s`, `3 min`, `2 h`, `5 d`; `-` for none. */
export function ageText(ms: number | null): string {
  if (ms === null) return "-";
  const seconds = ms / 1_000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

/** The table and the sentences. */
export function showProxies({ proxies, silent }: Pick<ProxyList, "proxies" | "silent">, screen: Screen): string {
  const unheard = silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")).join("");
  if (proxies.length === 0) return `No proxy is connected.\n${unheard}`;
  const rows = proxies.map((proxy): Cell[] => [
    proxy.node,
    proxy.service ?? "-",
    proxy.envoy ?? "-",
    proxy.replica ?? "-",
    acceptedOf(proxy),
    stateCell(proxy),
  ]);
  const notes = proxies.flatMap(notesOf).map((note) => sentence(note, screen));
  const quarantined = new Set(proxies.flatMap((proxy) => proxy.quarantined.map(({ text }) => `Quarantined: ${text}`)));
  const below = [...notes, ...[...quarantined].map((text) => sentence(text, screen))].join("") + unheard;
  const head = ["PROXY", "SERVICE", "ENVOY", "CONTROL PLANE", "ACCEPTED", "STATE"];
  return table(head, rows, screen) + (below === "" ? "" : `\n${below}`);
}

/** What is to be said of a proxy beside its row. */
export function notesOf({ node, state, reason, problems, calls, streams }: ProxyView): readonly string[] {
  const dropped = Object.entries(calls).filter(([, counts]) => counts.dropped > 0);
  return [
    ...(state === "up-to-date" || state === "quarantined" ? [] : [`${node}: ${reason}`]),
    ...problems.map(({ message }) => `${node}: ${message}`),
    ...dropped.map(
      ([service, counts]) =>
        `${node}: ${counts.dropped} calls to ${service} were dropped at its limit lately; ${counts.succeeded + counts.failed} were made`,
    ),
    ...(streams > 1 ? [`${node}: ${streams} streams: an Envoy hands over to the next, or two have one name`] : []),
  ];
}
