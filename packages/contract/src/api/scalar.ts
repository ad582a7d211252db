/** Counts and times as the API writes them. */
import { z } from "zod";

/** How many of something. */
export const count = z.int().nonnegative();

/** Where the next page of a listing begins. */
export const nextCursor = z.string().optional().describe("`cursor` of the next page; absent with the last one.");

/** A moment: RFC 3339, in UTC. */
export const time = z.iso.datetime().describe("RFC 3339, UTC.");
