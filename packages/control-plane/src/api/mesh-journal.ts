/** Lists that each control plane keeps of what it did or saw itself, told by any of them as one. */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Gather } from "../replicas/gather.js";
import { addReplicaRoute } from "../replicas/route.js";
import { sequenceName } from "./page.js";

/** What is kept. */
interface Kept {
  /** RFC 3339. */
  readonly at: string;
  readonly sequence: number;
  readonly controlPlane: string;
}

/** Where the others are, and this one. */
export interface JournalParts {
  readonly gather: Gather;
  /** `host:port` of this replica's HTTP API. */
  readonly address: () => string;
}

/** A list of all control planes. */
export interface MeshJournal<T extends Kept> {
  /** The entries of all that answer, in the order of their times; and who does not, each with the reason. */
  list(): Promise<{ readonly entries: readonly T[]; readonly silent: readonly string[] }>;
  /** Adds the path on which the others are answered. Belongs below the hook of `createBorneOut`. */
  addRoute(app: FastifyInstance): void;
}

/** Makes it of this replica's own entries. */
export function createMeshJournal<T extends Kept>(
  { gather, address }: JournalParts,
  o: {
    readonly path: string;
    readonly summary: string;
    /** Describes a `T`. */
    readonly entry: z.ZodType;
    readonly own: () => readonly Omit<T, "controlPlane">[];
  },
): MeshJournal<T> {
  const answers = z.object({ entries: z.array(o.entry) });
  const own = (): readonly T[] => {
    const controlPlane = address();
    return o.own().map((entry) => ({ ...entry, controlPlane }) as unknown as T);
  };
  return {
    async list() {
      const asked = await gather({
        path: o.path,
        body: () => ({ relayed: true }),
        read(answer) {
          const read = answers.safeParse(answer);
          if (!read.success) throw new Error("tells what this version does not understand");
          return read.data.entries as readonly T[];
        },
      });
      const entries = [...own(), ...asked.answers.flatMap(({ value }) => value)];
      const named = entries.map((entry) => [placeOf(entry), entry] as const).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      return { entries: named.map(([, entry]) => entry), silent: asked.silent };
    },
    addRoute(app) {
      addReplicaRoute(app, { path: o.path, summary: o.summary, properties: {}, answers, answer: () => ({ entries: own() }) });
    },
  };
}

/** Where an entry stands among those of all control planes; the cursor of its page. */
export function placeOf(entry: Kept): string {
  return `${entry.at} ${entry.controlPlane} ${sequenceName(entry)}`;
}
