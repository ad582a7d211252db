/** The ledger, for those who measure it. */
export { bookLimits } from "./book.js";
export { mostWaits } from "./deliveries.js";
export { createLedger, type Ledger } from "./ledger.js";
