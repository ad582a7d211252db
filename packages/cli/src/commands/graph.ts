/** `legation graph`: who calls whom. */
import type { GraphView } from "@legation/contract/api";
import { type DrawnRole, dotOf, drawMesh } from "@legation/contract/graph";
import { option } from "@legation/runtime/command-line";
import { withOneLines } from "../control-characters.js";
import { fitted, sentence } from "../layout.js";
import { listing } from "../listing.js";
import { type Level, paint, type Screen } from "../screen.js";

const formats = ["text", "dot", "json"] as const;
/** Narrower than this it is not drawn. */
const narrowest = 40;

const levels: Readonly<Record<DrawnRole, Level>> = { rail: "faint", service: "strong", undeclared: "bad", unused: "faint", cycle: "bad" };

/** The drawing, as wide as the screen is. */
export function show(graph: GraphView, screen: Screen): string {
  const painter = (text: string, role?: DrawnRole) => paint(text, role && levels[role], screen);
  const drawn = fitted(drawMesh(graph, Math.max(narrowest, screen.width), painter), screen);
  const unheard = graph.silent.map((words) => sentence(`No answer from the control plane at ${words}`, screen, "bad")).join("");
  return unheard === "" ? drawn : `${drawn}\n${unheard}`;
}

const settings = {
  format: option.enumeration(formats, {
    description: "text: a drawing; dot: for Graphviz; json: as --json",
    default: "text",
    flag: "--format",
  }),
};

/** Prints the graph. */
export const { run, page } = listing<GraphView, typeof settings>({
  description:
    "Draws the services in layers: those of the first need nobody, and each later one needs somebody above it. They start from the top and stop " +
    "from the bottom. Beside each service stands whom it calls: what it needs and uses by its own declaration, what of that it has never called " +
    "since its Envoys have started, and what it calls without declaring it, as its Envoys have seen. Cycles are named above the drawing.",
  settings,
  examples: ["legation graph", ["legation graph --format dot | dot -Tsvg > mesh.svg", "A picture, by Graphviz"]],
  path: "/api/graph",
  show: (graph, screen, { format }) => {
    if (format === "json") return `${JSON.stringify(graph, null, 2)}\n`;
    // What is drawn has colours of its own: only these may reach the terminal.
    const shown = withOneLines(graph);
    return format === "dot" ? dotOf(shown) : show(shown, screen);
  },
});
