/** What signals do to an agent of many: TERM and INT leave, HUP reads the directory again, USR2 lets go of everything. */
import type { Containers } from "../containers/containers.js";
import type { CaughtSignals } from "../signals.js";
import type { Fleet } from "./fleet.js";

/** What the signals act on. */
export interface Stoppable {
  readonly fleet: Pick<Fleet, "stop" | "letGo">;
  readonly containers: Pick<Containers, "stop" | "letGo"> | undefined;
  readonly reload: () => Promise<void>;
}

/**
 * Resolves to the exit code when all have left, or have been let go of; the first of the two that is asked for counts, and a second TERM
 * hurries. Containers leave last: services of the directory may need them.
 */
export function untilStopped({ fleet, containers, reload }: Stoppable, signals: Pick<CaughtSignals, "deliver">): Promise<number> {
  let way: "leaving" | "letting go" | undefined;
  const leave = async (signal: string): Promise<number> => {
    const code = await fleet.stop(signal);
    await containers?.stop();
    return code;
  };
  return new Promise<number>((resolve, reject) => {
    signals.deliver((signal) => {
      if (signal === "SIGHUP") return void reload().catch(reject);
      if (way === "letting go" || (way === "leaving" && signal === "SIGUSR2")) return;
      if (way === "leaving") return void fleet.stop(signal).catch(reject);
      if (signal === "SIGUSR2") {
        way = "letting go";
        containers?.letGo();
        fleet.letGo(signal).then(resolve, reject);
      } else {
        way = "leaving";
        leave(signal).then(resolve, reject);
      }
    });
  });
}
