/** Graphs of what requires what: `@legation/contract/graph`. Pure. */
export * from "./dot.js";
export * from "./drawing.js";
export * from "./layers.js";
export * from "./mesh-drawing.js";
export * from "./mesh-graph.js";
export * from "./service-graph.js";
