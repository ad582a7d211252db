/** One notice of an agent, answered for all replicas: this one's own proof, and that of each other one, asked once and at the same time. */
import { arrivingPath, laggardsNamed, leavingPath, type RoutingNotice, type RoutingReply, routingLimit } from "@legation/contract";
import { type Clock, codeOf, LegationError, type Logger, messageOf } from "@legation/runtime";
import { returnTime } from "../reconcile/nodes.js";
import type { AskReplica } from "../replicas/ask-replica.js";
import type { Replica } from "../replicas/directory.js";
import { type Direction, nameOf, type Proof, type Prove } from "./proof.js";

/** The code of the error by which a notice ends that a later one of the other direction has overtaken, on any replica. */
export const superseded = "channel.superseded";

/** What the fan-out needs. */
export interface FanOutParts {
  /** This replica's name. */
  readonly own: string;
  readonly prove: Prove;
  readonly others: () => readonly Replica[];
  readonly ask: AskReplica;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Answers notices. */
export interface FanOut {
  /**
   * Resolves within the notice's limit. Rejects with a LegationError of code `superseded` when a later notice of the other direction ends this
   * one, and with the signal's reason when that aborts.
   */
  answer(direction: Direction, notice: RoutingNotice, signal: AbortSignal): Promise<RoutingReply>;
}

/** What this replica needs to put an answer together after the others have given theirs; milliseconds. */
const margin = 250;
/** Between two attempts to reach a replica that refuses. */
const retryMs = 200;

/** Makes the fan-out. */
export function createFanOut(o: FanOutParts): FanOut {
  const { clock, log } = o;
  const underWay = new Set<{ readonly name: string; readonly direction: Direction; readonly ended: AbortController }>();

  /** A replica that has just died is asked again until its proxies have had the time to connect elsewhere. */
  async function askOne(to: Replica, path: string, body: RoutingNotice, deadline: number, signal: AbortSignal) {
    const givenUp = clock.monotonic() + returnTime;
    for (;;) {
      const left = deadline - clock.monotonic();
      try {
        if (left <= 0) throw new Error("did not answer in time");
        const limited = { ...body, limitMs: Math.max(1, Math.round(left - margin)) };
        const reply = (await o.ask(to, path, limited, left, signal)) as RoutingReply;
        if (reply.replica !== to.replica) throw new Error("is another control plane than Consul says");
        return reply;
      } catch (error) {
        signal.throwIfAborted();
        // Told again, this one would undo the later one there.
        if (codeOf(error) === superseded) throw error;
        const now = clock.monotonic();
        if (now + retryMs >= Math.min(givenUp, deadline)) return `${to.address} ${messageOf(error)}`;
        await clock.sleep(retryMs, signal);
      }
    }
  }

  async function everywhere(direction: Direction, notice: RoutingNotice, limitMs: number, signal: AbortSignal): Promise<RoutingReply> {
    const { limitMs: _, ...named } = notice;
    const deadline = clock.monotonic() + limitMs;
    const path = direction === "leaving" ? leavingPath : arrivingPath;
    const own = o.prove(direction, notice, Math.max(0, limitMs - margin), signal);
    const others = notice.relayed ? [] : o.others();
    const asked = others.map((replica) => askOne(replica, path, { ...named, relayed: true }, deadline, signal));
    const [proof, ...replies] = await Promise.all([own, ...asked]);
    return merged(direction, o.own, proof, replies);
  }

  return {
    async answer(direction, notice, signal) {
      const name = nameOf(notice);
      const mine = { name, direction, ended: new AbortController() };
      // A question about TLS changes nothing that another notice says, and is not answered by one.
      for (const earlier of direction === "tls" ? [] : underWay)
        if (earlier.name === name && earlier.direction !== direction && earlier.direction !== "tls")
          earlier.ended.abort(new LegationError(superseded, `a later notice says that ${name} is ${direction}`));
      underWay.add(mine);
      const began = clock.monotonic();
      try {
        const limitMs = Math.min(notice.limitMs ?? routingLimit.default, routingLimit.max);
        const reply = await everywhere(direction, notice, limitMs, AbortSignal.any([signal, mine.ended.signal]));
        const { accepted, subscribers, laggards, silent } = reply;
        const ms = Math.round(clock.monotonic() - began);
        const level = notice.again ? "debug" : laggards.length + silent.length > 0 ? "warn" : "info";
        log[level](
          { event: `instance.${direction}-answered`, instance: name, accepted, subscribers, laggards: laggards.slice(0, 20), silent, ms },
          `${name} ${direction === "tls" ? "asks for TLS" : `is ${direction}`}: ${subscribers - laggards.length} of ${subscribers} proxies acknowledged in ${ms} ms`,
        );
        return reply;
      } finally {
        underWay.delete(mine);
        mine.ended.abort();
      }
    },
  };
}

function merged(direction: Direction, own: string, proof: Proof, replies: readonly (RoutingReply | string)[]): RoutingReply {
  const answered = replies.filter((reply): reply is RoutingReply => typeof reply !== "string");
  const all = [proof, ...answered];
  return {
    // It leaves where somebody had it, and has arrived when everybody has it.
    accepted: direction === "leaving" ? all.some(({ accepted }) => accepted) : all.every(({ accepted }) => accepted),
    subscribers: all.reduce((sum, { subscribers }) => sum + subscribers, 0),
    laggards: named(all.flatMap(({ laggards }) => laggards)),
    replicas: all.length,
    ...(direction === "tls" ? { withoutCertificate: named(all.flatMap((proof) => proof.withoutCertificate ?? [])) } : {}),
    silent: replies.filter((reply): reply is string => typeof reply === "string"),
    replica: own,
  };
}

function named(nodes: readonly string[]): string[] {
  return [...new Set(nodes)].slice(0, laggardsNamed);
}
