/** The middle of the process, for those who measure it. */
export { createReconciler, type Reconciler } from "./reconciler.js";
