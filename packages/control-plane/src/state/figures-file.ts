/** How the instances answered, on disk: a control plane that starts gives endpoints the weights that they had. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { loadScale } from "@legation/contract";
import { type Clock, codeOf, type Logger, messageOf, type Timer, writeFileAtomic } from "@legation/runtime";
import type { FigureRow } from "../figures/book.js";

/** How long a change waits for others before the file is written; milliseconds. */
export const figuresFileDelay = 1_000;

const nameOf = (stateDir: string) => join(stateDir, "figures.json");

/** Reads the file; without one, or with one that cannot be understood, there are no figures. A start never fails on it. */
export async function readFigures(stateDir: string, log: Logger): Promise<readonly FigureRow[]> {
  const path = nameOf(stateDir);
  try {
    const saved = JSON.parse(await readFile(path, "utf8")) as { readonly rows?: unknown };
    if (!Array.isArray(saved.rows) || !saved.rows.every(isRow)) throw new Error("$.rows is not a list of figures");
    // How long the agents have not been heard nobody knows: they could not report to a control plane that did not run.
    return saved.rows.map((row) => ({ ...row, age: 0 }));
  } catch (error) {
    if (codeOf(error) !== "ENOENT")
      log.warn(
        { event: "state.figures-unreadable", path, problem: messageOf(error) },
        "the kept figures of instances cannot be read: starting without",
      );
    return [];
  }
}

function isRow(value: unknown): value is FigureRow {
  const { node, id, service, stamp, load, breakers } = (value ?? {}) as Partial<Record<keyof FigureRow, unknown>>;
  const { latency, errors, idle } = (load ?? {}) as Record<string, unknown>;
  const within = (figure: unknown, most: number) => Number.isInteger(figure) && Number(figure) >= 0 && Number(figure) <= most;
  return (
    [node, id, service].every((text) => typeof text === "string") &&
    Number.isFinite(stamp) &&
    within(latency, loadScale.latency) &&
    within(errors, loadScale.errorRates.length) &&
    within(idle, loadScale.idle) &&
    Array.isArray(breakers)
  );
}

/** Writes the file behind the changes. */
export interface FiguresFile {
  changed(): void;
  /** Writes what is not yet written, and ends. */
  stop(): Promise<void>;
}

/** Makes the writer. A failed write is logged and tried again with the next change. */
export function createFiguresFile(stateDir: string, rows: () => readonly FigureRow[], o: { clock: Clock; log: Logger }): FiguresFile {
  const path = nameOf(stateDir);
  let timer: Timer | undefined;
  let writing: Promise<void> = Promise.resolve();
  let stopped = false;

  const save = async (): Promise<void> => {
    try {
      await writeFileAtomic(path, `${JSON.stringify({ rows: rows() })}\n`, { mode: 0o600 });
    } catch (error) {
      o.log.error({ event: "state.write-failed", path, problem: messageOf(error) }, "the figures of instances cannot be kept");
    }
  };
  const write = (): void => {
    timer = undefined;
    writing = writing.then(save);
  };

  return {
    changed() {
      if (!stopped) timer ??= o.clock.timeout(figuresFileDelay, write);
    },
    async stop() {
      stopped = true;
      if (timer) {
        timer.cancel();
        write();
      }
      await writing;
    },
  };
}
