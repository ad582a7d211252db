/** Graphs of what requires what: `@legation/contract/graph`. Pure. */
export * from "./drawing.js";
export * from "./layers.js";
export * from "./service-graph.js";
