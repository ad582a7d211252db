/**
 * Loaded into a Node process before all else (`--import`), makes its wall clock jump as when the machine's time is set: `Date` is off by as
 * many milliseconds as stand in the file JUMPED_DATE_FILE, which is read again all the time. Timers and `performance.now()` do not jump.
 */
import { readFileSync } from "node:fs";

const file = process.env["JUMPED_DATE_FILE"] ?? "";
const RealDate = Date;
let offset = 0;

function read() {
  try {
    offset = Number(readFileSync(file, "utf8"));
  } catch {
    // The time was not set yet.
  }
}

read();
setInterval(read, 20).unref();

globalThis.Date = class extends RealDate {
  /** @param {ConstructorParameters<typeof RealDate>} given */
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + offset);
    else super(...given);
  }
  static now() {
    return RealDate.now() + offset;
  }
};
