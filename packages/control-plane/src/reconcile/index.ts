/** The middle of the process, for those who measure it. */
export { createChanges } from "./changes.js";
export { createReconciler, type Reconciler } from "./reconciler.js";
