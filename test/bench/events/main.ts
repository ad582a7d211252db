/** What the events of a mesh cost a control plane: memory of each that is kept, time to tell a new one, and to see that one is none. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createEvents, eventsKept } from "@legation/control-plane/events";
import { systemClock } from "@legation/runtime";

/** Tells as many events as are kept, each of another instance, and then tells all of them again. Prints three figures. */
export async function run(_args: readonly string[]): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const events = createEvents({ clock: systemClock, run: "00000000", address: () => "10.0.0.5:8080" });
  const tellAll = (): number => {
    const begun = performance.now();
    for (let i = 0; i < eventsKept; i++) {
      const instance = `node-${i % 50}/orders-${i}`;
      const checks = [{ id: "service:orders-ttl", name: "heartbeat", status: "critical", output: "TTL expired" }];
      events.tell({
        ...{ type: "instance.health-changed", severity: "error", service: `orders-${i % 500}`, instance },
        ...{ text: `${instance} is critical, was passing: heartbeat (TTL expired)`, details: { from: "passing", to: "critical", checks } },
      });
    }
    return ((performance.now() - begun) * 1_000) / eventsKept;
  };
  collect();
  const before = process.memoryUsage().heapUsed;
  const fresh = tellAll();
  const known = tellAll();
  collect();
  const bytes = (process.memoryUsage().heapUsed - before) / eventsKept;
  const kept = events.list().length;
  process.stdout.write(
    `${kept} events kept: ${bytes.toFixed(0)} bytes each; told in ${fresh.toFixed(1)} µs, seen to be none in ${known.toFixed(1)} µs\n`,
  );
  return kept === eventsKept ? 0 : 1;
}
