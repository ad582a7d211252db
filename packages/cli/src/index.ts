/** `legation` as a function, for programs and tests that run it without a process. */
export type { Io, Output } from "./command.js";
export { legation } from "./legation.js";
