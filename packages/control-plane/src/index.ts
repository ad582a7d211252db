/** The control plane as a process: what `legation control-plane` runs. */
export { type ControlPlaneConfig, controlPlaneOptions } from "./config.js";
export { type ControlPlaneIo, runControlPlane } from "./run-control-plane.js";
