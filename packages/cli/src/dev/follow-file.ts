/** Files that processes write their log into, followed line by line. */
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import type { Clock } from "@legation/runtime/command-line";

/** Between two looks; milliseconds. */
const everyMs = 100;
/** Read at once; bytes. */
const chunk = 256 * 1024;
/** A line that is longer is handed on in parts. */
const longestLine = 16 * 1024;

/** Follows files. */
export interface Follower {
  /** From its end as it is now; it may be absent still. */
  follow(name: string, path: string): void;
  /** Reads what is there, and stops. */
  stop(): void;
}

/** Makes it; `onLine` gets each line with the name that its file was followed by. */
export function createFollower(onLine: (name: string, line: string) => void, clock: Clock): Follower {
  const files: (() => void)[] = [];
  let timer = clock.timeout(everyMs, look);

  function look(): void {
    for (const read of files) read();
    timer = clock.timeout(everyMs, look);
  }

  return {
    follow(name, path) {
      files.push(reader(path, (line) => onLine(name, line)));
    },
    stop() {
      timer.cancel();
      for (const read of files) read();
    },
  };
}

function reader(path: string, onLine: (line: string) => void): () => void {
  const buffer = Buffer.alloc(chunk);
  let decoder = new StringDecoder("utf8");
  let offset = sizeOf(path);
  let rest = "";
  return () => {
    const size = sizeOf(path);
    if (size < offset) {
      // It was emptied, or another one is in its place.
      offset = 0;
      rest = "";
      decoder = new StringDecoder("utf8");
    }
    if (size === offset) return;
    const file = openSync(path, "r");
    try {
      for (let length = 1; offset < size && length > 0; offset += length) {
        length = readSync(file, buffer, 0, Math.min(chunk, size - offset), offset);
        const lines = (rest + decoder.write(buffer.subarray(0, length))).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) onLine(line);
        if (rest.length > longestLine) {
          onLine(rest);
          rest = "";
        }
      }
    } finally {
      closeSync(file);
    }
  };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
