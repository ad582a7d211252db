/** The words for how something is, each with its level: one colour means the same in every table. */
import type { Cell } from "./layout.js";
import type { Level } from "./screen.js";

const words: Readonly<Record<"good" | "warn" | "bad" | "faint", readonly string[]>> = {
  good: ["healthy", "passing", "running", "ready", "ok", "connected", "accepted", "allow", "closed", "live", "done", "yes", "promoted"],
  warn: ["warning", "degraded", "pending", "waiting", "starting", "stopping", "draining", "backing_off", "half-open", "shadow", "late"],
  bad: ["unhealthy", "critical", "failed", "rejected", "refused", "deny", "open", "disconnected", "silent", "error", "no", "withdrawn"],
  faint: ["unknown", "stopped", "maintenance", "omitted", "-"],
};

const levels = new Map(Object.entries(words).flatMap(([level, list]) => list.map((word) => [word, level as Level])));

/** The level of a status word, in any case; undefined for words that say nothing of it. */
export function levelOf(word: string): Level | undefined {
  return levels.get(word.toLowerCase());
}

/** A cell that shows `text` in the colour of `word`. */
export function status(word: string, text: string = word): Cell {
  const level = levelOf(word);
  return level === undefined ? { text } : { text, level };
}
