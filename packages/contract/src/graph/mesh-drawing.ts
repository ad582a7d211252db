/** A graph of who calls whom as text, layer under layer, within a width. Pure. */
import type { GraphEdge } from "./mesh-graph.js";
import { cycleText } from "./service-graph.js";

/** What is drawn. */
export interface DrawnMesh {
  /** Names by layer; the first starts first. */
  readonly layers: readonly (readonly string[])[];
  readonly cycles: readonly (readonly string[])[];
  readonly edges: readonly GraphEdge[];
}

/** What a word in the drawing is: for its colour. */
export type DrawnRole = "rail" | "service" | "undeclared" | "unused" | "cycle";

/** Gives a word its colour; must not change how wide it is. */
export type Paint = (text: string, role: DrawnRole | undefined) => string;

interface Word {
  readonly text: string;
  readonly role?: DrawnRole;
}

/** Between names that stand in one line, and between a name and what it calls. */
const gap = "  ";
/** A longer name stands in a line of its own. */
const widestName = 28;

/**
 * Draws it: each service once, each dependency once beside its caller. Services that call nobody share lines. No line is longer than `width`
 * characters (40 or more). Ends with a newline.
 */
export function drawMesh(mesh: DrawnMesh, width = 80, paint: Paint = (text) => text): string {
  const names = mesh.layers.flat();
  if (names.length === 0) return "No service is registered.\n";
  const there = new Set(names);
  const byCaller = grouped(mesh.edges);
  const digits = String(mesh.layers.length).length;
  const room = width - digits - 4;
  const column = Math.min(widestName, Math.max(...names.filter((name) => byCaller.has(name)).map((name) => name.length), 0)) + gap.length;
  const lines = mesh.layers.flatMap((layer, index) => {
    const quiet = layer.filter((name) => !byCaller.has(name)).map((text): Word => ({ text, role: "service" }));
    const callers = layer.filter((name) => byCaller.has(name));
    const body = [
      ...(quiet.length > 0 ? wrapped(quiet, room, gap) : []),
      ...callers.flatMap((name) => callerLines(name, byCaller.get(name) ?? [], there, column, room)),
    ];
    return railed(body, index, mesh.layers.length, digits);
  });
  const cycles = mesh.cycles.flatMap((cycle) => wrapped(wordsOf(`cycle: ${cycleText(cycle)}`, "cycle"), width, " "));
  const painted = (line: readonly Word[]): string => line.map(({ text, role }) => paint(text, role)).join("");
  const head = [headOf(mesh), "Starts from the top, stops from the bottom."].flatMap((text) => wrapped(wordsOf(text), width, " "));
  const all = [...head, ...cycles, [], ...lines];
  return `${all.map((line) => painted(line).trimEnd()).join("\n")}\n`;
}

function headOf({ layers, edges }: DrawnMesh): string {
  const count = (n: number, noun: string, plural = `${noun}s`): string => `${n} ${n === 1 ? noun : plural}`;
  const of = (kind: GraphEdge["kind"]): GraphEdge[] => edges.filter((edge) => edge.kind === kind);
  const unused = of("declared").filter(({ calls }) => calls !== null).length;
  const undeclared = of("undeclared").length;
  const parts = [
    `${count(layers.flat().length, "service")} in ${count(layers.length, "layer")}`,
    `${count(edges.length - undeclared, "declared dependency", "declared dependencies")}${unused > 0 ? `, ${unused} not called` : ""}`,
    ...(undeclared > 0 ? [`${undeclared} undeclared`] : []),
  ];
  return `${parts.join("; ")}.`;
}

/** A service and what it calls: `web  needs orders, uses cache (not called)`. */
function callerLines(name: string, edges: readonly GraphEdge[], there: ReadonlySet<string>, column: number, room: number): Word[][] {
  const relations = wrapped(relationWords(edges, there), room - column, " ");
  const indent: Word = { text: " ".repeat(column) };
  if (name.length + gap.length > column)
    return [...wrapped([{ text: name, role: "service" }], room, gap), ...relations.map((line) => [indent, ...line])];
  const head: Word[] = [{ text: name, role: "service" }, { text: " ".repeat(column - name.length) }];
  return relations.map((line, index) => [...(index === 0 ? head : [indent]), ...line]);
}

function relationWords(edges: readonly GraphEdge[], there: ReadonlySet<string>): Word[] {
  const verbs = [
    ["needs", edges.filter(({ declared }) => declared === "required")],
    ["uses", edges.filter(({ declared }) => declared === "optional")],
    ["calls undeclared", edges.filter(({ declared }) => declared === null)],
  ] as const;
  const spoken = verbs.filter(([, some]) => some.length > 0);
  return spoken.flatMap(([verb, some], group) => {
    const words = some.flatMap((edge, index): Word[] => {
      const end = index + 1 < some.length ? "," : group + 1 < spoken.length ? ";" : "";
      return namedWords(edge, there, end);
    });
    const role = verb.endsWith("undeclared") ? ({ role: "undeclared" } as const) : {};
    return [...verb.split(" ").map((text): Word => ({ text, ...role })), ...words];
  });
}

function namedWords({ to, kind, calls }: GraphEdge, there: ReadonlySet<string>, end: string): Word[] {
  const unused = kind === "declared" && calls !== null;
  const notes = [...(there.has(to) ? [] : ["not registered"]), ...(unused ? ["not called"] : [])];
  const role = kind === "undeclared" ? ({ role: "undeclared" } as const) : unused ? ({ role: "unused" } as const) : {};
  if (notes.length === 0) return [{ text: `${to}${end}`, ...role }];
  const note = `(${notes.join(", ")})${end}`.split(" ");
  return [to, ...note].map((text) => ({ text, ...role }));
}

/** The rail on the left, with the layer's number: `├ 2  `. */
function railed(body: readonly (readonly Word[])[], index: number, layers: number, digits: number): Word[][] {
  const last = index + 1 === layers;
  const corner = layers === 1 ? "╶" : index === 0 ? "┌" : last ? "└" : "├";
  const below = last ? " " : "│";
  const rows = body.map((line, row): Word[] => [
    { text: row === 0 ? `${corner} ${String(index + 1).padStart(digits)}  ` : `${below} ${" ".repeat(digits)}  `, role: "rail" },
    ...line,
  ]);
  return last ? rows : [...rows, [{ text: below, role: "rail" }]];
}

/** Words in lines of at most `room` characters, `between` them; a longer word is broken. */
function wrapped(words: readonly Word[], room: number, between: string): Word[][] {
  const lines: Word[][] = [];
  let line: Word[] = [];
  let used = 0;
  const end = (): void => {
    if (line.length > 0) lines.push(line);
    line = [];
    used = 0;
  };
  for (const word of words.flatMap((one) => pieces(one, room))) {
    if (used > 0 && used + between.length + word.text.length > room) end();
    if (used > 0) {
      line.push({ text: between });
      used += between.length;
    }
    line.push(word);
    used += word.text.length;
  }
  end();
  return lines;
}

function pieces({ text, ...rest }: Word, room: number): Word[] {
  const parts: Word[] = [];
  for (let left = text; left !== ""; left = left.slice(room)) parts.push({ text: left.slice(0, room), ...rest });
  return parts;
}

function wordsOf(text: string, role?: DrawnRole): Word[] {
  return text.split(" ").map((word) => ({ text: word, ...(role ? { role } : {}) }));
}

function grouped(edges: readonly GraphEdge[]): Map<string, GraphEdge[]> {
  const found = new Map<string, GraphEdge[]>();
  for (const edge of edges) {
    const others = found.get(edge.from);
    if (others) others.push(edge);
    else found.set(edge.from, [edge]);
  }
  return found;
}
