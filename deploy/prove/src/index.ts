/** Proofs on a real mesh on this machine: what Legation promises under load while its parts are restarted, killed and broken. */
export type { Io } from "./io.js";
export { prove } from "./prove.js";
