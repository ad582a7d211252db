/** Follows the file that a process writes its output to, and hands it on line by line. */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import type { Clock } from "@legation/runtime";

/** What to follow. */
export interface OutputOptions {
  /** The file; processes append to it. */
  readonly path: string;
  /** Where to keep how far it has been read, so that the next agent goes on there. */
  readonly offsetPath: string;
  readonly onLine: (line: string) => void;
  readonly clock: Clock;
  /** The file is emptied when it has been read and is longer than this many bytes. Default 16 MiB. */
  readonly maxBytes?: number;
}

/** A follower at work. */
export interface OutputFollower {
  /** Reads what is there now; also happens by itself every 200 ms. */
  read(): void;
  /** Reads the rest, hands on an unfinished last line, and ends. */
  stop(): void;
}

const pollMs = 200;
const chunkBytes = 64 * 1024;

/** Starts to follow, from the kept offset on. The file is created when it is not there. */
export function followOutput(options: OutputOptions): OutputFollower {
  const { path, offsetPath, onLine, clock, maxBytes = 16 * 1024 * 1024 } = options;
  const file = openSync(path, "a+", 0o600);
  const buffer = Buffer.alloc(chunkBytes);
  let offset = Math.min(keptOffset(offsetPath), fstatSync(file).size);
  let kept = offset;
  let rest = Buffer.alloc(0);
  let timer: { cancel(): void } | undefined;

  const emit = (bytes: Buffer): void => {
    const line = bytes.toString("utf8").replace(/\r$/, "");
    if (line !== "") onLine(line);
  };
  const keep = (): void => {
    const lineStart = offset - rest.length;
    if (lineStart === kept) return;
    kept = lineStart;
    writeFileSync(offsetPath, String(kept));
  };
  const read = (): void => {
    const { size } = fstatSync(file);
    if (size === offset) return;
    if (size < offset) offset = 0;
    for (;;) {
      const count = readSync(file, buffer, 0, chunkBytes, offset);
      if (count === 0) break;
      offset += count;
      let data = Buffer.concat([rest, buffer.subarray(0, count)]);
      for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
        emit(data.subarray(0, end));
        data = data.subarray(end + 1);
      }
      if (data.length >= chunkBytes) {
        emit(data);
        data = Buffer.alloc(0);
      }
      rest = Buffer.from(data);
    }
    if (offset > maxBytes && rest.length === 0) {
      ftruncateSync(file, 0);
      offset = 0;
    }
    keep();
  };
  const tick = (): void => {
    read();
    timer = clock.timeout(pollMs, tick);
  };
  tick();

  return {
    read,
    stop() {
      timer?.cancel();
      read();
      if (rest.length > 0) emit(rest);
      rest = Buffer.alloc(0);
      keep();
      closeSync(file);
    },
  };
}

function keptOffset(path: string): number {
  try {
    const offset = Number(readFileSync(path, "utf8"));
    return Number.isSafeInteger(offset) && offset > 0 ? offset : 0;
  } catch {
    return 0;
  }
}
