import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { catchSignals } from "./signals.js";

describe("caught signals", () => {
  it("are kept until somebody acts on them, and then handed on as they come", () => {
    const source = new EventEmitter();
    const signals = catchSignals(source);
    source.emit("SIGTERM", "SIGTERM");
    source.emit("SIGHUP", "SIGHUP");
    const got: string[] = [];
    signals.deliver((signal) => got.push(signal));
    expect(got).toEqual(["SIGTERM", "SIGHUP"]);
    source.emit("SIGINT", "SIGINT");
    expect(got.at(-1)).toBe("SIGINT");
    signals.release();
    expect(source.eventNames()).toEqual([]);
  });
});
