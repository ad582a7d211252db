/** After a restart: until the agents' reports say of it too, so that the answer agrees with what the next question is told. */
import type { Clock } from "@legation/runtime";
import type { ServiceStatus } from "../status/service-status.js";
import type { Status } from "../status/status.js";

/** A report may be this much later than the word that the restart is over; milliseconds. */
const reportedWithin = 2_000;
const pollMs = 50;

/** Resolves to the service as it stands when every restarted instance has reported a higher count, or that has taken too long; undefined when nobody knows it any more. */
export async function untilReported(o: {
  readonly status: Status;
  readonly clock: Clock;
  readonly name: string;
  /** `<Consul node>/<service id>`. */
  readonly restarted: readonly string[];
  /** The counts before, by the same names. */
  readonly before: ReadonlyMap<string, number>;
}): Promise<{ readonly now: ServiceStatus | undefined; readonly silent: readonly string[] }> {
  const deadline = o.clock.monotonic() + reportedWithin;
  for (;;) {
    const { mesh, silent } = await o.status.current();
    const now = mesh.services.get(o.name);
    const counts = new Map<string, number>(now?.instances.map(({ node, id, restartCount }) => [`${node}/${id}`, restartCount] as const));
    const told = o.restarted.every((name) => (counts.get(name) ?? 0) > (o.before.get(name) ?? 0));
    if (told || o.clock.monotonic() >= deadline) return { now, silent };
    await o.clock.sleep(pollMs);
  }
}
