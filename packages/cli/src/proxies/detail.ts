/** One proxy: where it is connected, what of each type it was sent and holds, and what it refused. */
import type { ProxyDetail } from "@legation/contract/api";
import { type Cell, sentence, table } from "../layout.js";
import type { Screen } from "../screen.js";
import { acceptedOf, ageText, notesOf, stateCell } from "./list.js";

/** Of a type, names of resources that are not acknowledged, at most. */
const namesShown = 10;

/** The page. */
export function showProxy({ proxy, versions, older, silent }: ProxyDetail, screen: Screen): string {
  const facts: Cell[][] = [
    ["service", proxy.service ?? "-"],
    ["state", stateCell(proxy)],
    [
      "connected",
      proxy.openedAt === null ? "no" : `since ${proxy.openedAt}, to ${proxy.replica} (stream ${proxy.stream}, ${proxy.variant})`,
    ],
    ["envoy", proxy.envoy ?? "-"],
    ["accepted", acceptedOf(proxy)],
    ["behind for", ageText(proxy.behindMs)],
    ["last acknowledgement", proxy.acknowledgedMs === null ? "-" : `${ageText(proxy.acknowledgedMs)} ago`],
  ];
  const rows = proxy.types.map((type): Cell[] => [
    type.type,
    type.sent,
    type.acknowledged,
    type.rejected.length > 0 ? { text: String(type.rejected.length), level: "bad" } : "0",
    type.version === "" ? "-" : type.version,
    type.outstandingSince ?? "-",
  ]);
  const head = ["TYPE", "SENT", "HELD", "REFUSED", "VERSION", "OWED SINCE"];
  const late = versions.flatMap(({ type, sent, acknowledged }) => {
    const names = Object.keys(sent).filter((name) => acknowledged[name] !== sent[name]);
    const more = names.length > namesShown ? `, and ${names.length - namesShown} more` : "";
    return names.length > 0 ? [`Not acknowledged: ${type} ${names.slice(0, namesShown).join(", ")}${more}`] : [];
  });
  const missing = versions.flatMap(({ type, absent }) =>
    absent.length > 0 ? [`Asked for, and not there: ${type} ${absent.slice(0, namesShown).join(", ")}`] : [],
  );
  const notes = [
    ...notesOf(proxy),
    ...proxy.types.flatMap(({ type, rejected }) => rejected.map((one) => refusal(type, one))),
    ...proxy.quarantined.map(({ text }) => `Quarantined: ${text}`),
    ...late,
    ...missing,
    ...older.map(
      ({ stream, replica, openedAt, ready }) => `Also stream ${stream} at ${replica}, since ${openedAt}${ready ? "" : ", without state"}`,
    ),
    ...silent.map((words) => `No answer from the control plane at ${words}`),
  ];
  const title = sentence(proxy.node, screen, "strong");
  const types = rows.length > 0 ? `\n${table(head, rows, screen)}` : "";
  const lines = facts.map(([name = "", value = ""]) => fact(name, value, screen)).join("");
  return `${title}${lines}${types}${notes.length > 0 ? `\n${notes.map((note) => sentence(note, screen)).join("")}` : ""}`;
}

function fact(name: Cell, value: Cell, screen: Screen): string {
  const text = typeof value === "object" ? value.text : String(value);
  return sentence(`${name}: ${text}`, screen, typeof value === "object" ? value.level : undefined);
}

function refusal(type: string, { name, message, policies, attempts }: ProxyDetail["proxy"]["types"][number]["rejected"][number]): string {
  const source = policies.length > 0 ? ` (${policies.join("; ")})` : "";
  return `Refused: ${type} ${name}${source}, ${attempts} ${attempts === 1 ? "time" : "times"}: ${message}`;
}
