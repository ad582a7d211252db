/** The metrics page, for those who measure it. */
export { createTelemetry, type Telemetry } from "./setup.js";
