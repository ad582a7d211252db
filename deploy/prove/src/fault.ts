/** A restart during which something else goes wrong. */
import type { Scene } from "./scene.js";

/** One fault. */
export interface Fault {
  /** As `--only` takes it. */
  readonly name: string;
  /** The step of the stop order at which it strikes; "-" for none. */
  readonly step: string;
  readonly title: string;
  /** Played only when it is named: requests are known to fail. */
  readonly onDemand?: true;
  /** Plays the restart with its fault, and puts everything back. Throws when a part does not do what it should. */
  play(scene: Scene): Promise<void>;
}
