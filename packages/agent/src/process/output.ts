/** Follows the file that a process writes its output to, and hands it on line by line. */
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, watch, writeFileSync } from "node:fs";
import type { Clock } from "@legation/runtime";

/** What to follow. */
export interface OutputOptions {
  /** The file; processes append to it. */
  readonly path: string;
  /** Where to keep how far it has been read, so that the next agent goes on there. */
  readonly offsetPath: string;
  readonly onLine: (line: string) => void;
  /** Output came faster than it could be handed on, and so many bytes of it were thrown away. */
  readonly onDropped: (bytes: number) => void;
  readonly clock: Clock;
  /** Calls back after each change of a file until it is cancelled; undefined where that is not possible. The kernel's unless given. */
  readonly watch?: (path: string, onChange: () => void) => { cancel(): void } | undefined;
  /** The file is emptied when it has been read and is longer than this many bytes, and at twice that read or not. Default 16 MiB. */
  readonly maxBytes?: number;
}

/** A follower at work. */
export interface OutputFollower {
  /** Reads what is there now, 256 KiB at most: other work must not wait for a talkative process. Happens by itself within 200 ms of a change. */
  read(): void;
  /** Reads the rest, hands on an unfinished last line, and ends. */
  stop(): void;
}

const pollMs = 200;
/** While the file is quiet and the kernel tells of changes; a file system that does not tell (NFS) is only looked at so often. */
const quietPollMs = 5_000;
const chunkBytes = 64 * 1024;
const chunksAtOnce = 4;
const lastChunks = 64;

/** Starts to follow, from the kept offset on. The file is created when it is not there. */
export function followOutput(options: OutputOptions): OutputFollower {
  const { path, offsetPath, onLine, onDropped, clock, watch: watchChanges = watchFile, maxBytes = 16 * 1024 * 1024 } = options;
  const file = openSync(path, "a+", 0o600);
  const buffer = Buffer.alloc(chunkBytes);
  let offset = Math.min(keptOffset(offsetPath), fstatSync(file).size);
  let kept = offset;
  let rest = Buffer.alloc(0);
  let timer: { cancel(): void } | undefined;
  let quiet = false;

  const emit = (bytes: Buffer): void => {
    const line = bytes.toString("utf8").replace(/\r$/, "");
    if (line !== "") onLine(line);
  };
  const keep = (): void => {
    const lineStart = Math.max(0, offset - rest.length);
    if (lineStart === kept) return;
    kept = lineStart;
    try {
      writeFileSync(offsetPath, String(kept));
    } catch {
      // A full disk: at worst the next agent tells some lines twice.
    }
  };
  const empty = (): void => {
    ftruncateSync(file, 0);
    offset = 0;
  };
  const take = (bytes: Buffer): void => {
    let data = Buffer.concat([rest, bytes]);
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      emit(data.subarray(0, end));
      data = data.subarray(end + 1);
    }
    if (data.length >= chunkBytes) {
      emit(data);
      data = Buffer.alloc(0);
    }
    rest = Buffer.from(data);
  };
  /** False when there was nothing. */
  const read = (chunks = chunksAtOnce): boolean => {
    const { size } = fstatSync(file);
    if (size === offset) return false;
    if (size < offset) {
      offset = 0;
      rest = Buffer.alloc(0);
    }
    for (let chunk = 0; chunk < chunks; chunk++) {
      const count = readSync(file, buffer, 0, chunkBytes, offset);
      if (count === 0) break;
      offset += count;
      take(buffer.subarray(0, count));
    }
    const left = fstatSync(file).size - offset;
    if (offset + left > 2 * maxBytes && left > 0) {
      empty();
      rest = Buffer.alloc(0);
      onDropped(left);
    } else if (offset > maxBytes && left === 0) empty();
    keep();
    return true;
  };
  const watching = watchChanges(path, () => {
    if (!quiet) return;
    quiet = false;
    timer?.cancel();
    timer = clock.timeout(pollMs, tick);
  });
  const tick = (): void => {
    quiet = !read() && watching !== undefined;
    timer = clock.timeout(quiet ? quietPollMs : pollMs, tick);
  };
  tick();

  return {
    read: () => void read(),
    stop() {
      watching?.cancel();
      timer?.cancel();
      read(lastChunks);
      if (rest.length > 0) emit(rest);
      rest = Buffer.alloc(0);
      keep();
      closeSync(file);
    },
  };
}

function watchFile(path: string, onChange: () => void): { cancel(): void } | undefined {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    watcher.on("error", () => {});
    return { cancel: () => watcher.close() };
  } catch {
    return undefined;
  }
}

function keptOffset(path: string): number {
  try {
    const offset = Number(readFileSync(path, "utf8"));
    return Number.isSafeInteger(offset) && offset > 0 ? offset : 0;
  } catch {
    return 0;
  }
}
