/** The demo as a library: its shop and its story, for tests. */
export * from "./shop.js";
export * from "./story.js";
