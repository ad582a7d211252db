/** The events that the last run kept on disk; the file itself is a journal (`journal.ts`), some 16 MB at most. */
import { meshEvent } from "@legation/contract/api";
import { z } from "zod";
import type { EventRow } from "../events/event-log.js";
import { readJournal } from "./journal.js";

const row = z.object({ run: z.string().regex(/^[0-9a-f]{8}$/), seq: z.int().min(1), event: meshEvent });

/** Reads the rows at `path`, in the order in which they were learnt; what cannot be read, or is of another version, is left out. */
export async function readEvents(path: string): Promise<readonly EventRow[]> {
  return (await readJournal(path)).flatMap((value) => {
    const read = row.safeParse(value);
    return read.success ? [read.data] : [];
  });
}
