/** The story of `--once`: every fact in turn, on one shop, while requests run. */
import { answered } from "./facts/answered.js";
import { certified } from "./facts/certified.js";
import { consulAway } from "./facts/consul-away.js";
import { controlPlaneKilled } from "./facts/control-plane-killed.js";
import { denied } from "./facts/denied.js";
import { encrypted } from "./facts/encrypted.js";
import { ended } from "./facts/ended.js";
import type { Fact, Stage } from "./facts/fact.js";
import { joined } from "./facts/joined.js";
import { applicationKilled, instanceKilled } from "./facts/killed.js";
import { moved } from "./facts/moved.js";
import { registered } from "./facts/registered.js";
import { stopped } from "./facts/stopped.js";
import { type Identity, wayTo } from "./identity.js";
import { time } from "./view.js";

/**
 * The facts for a shop with that identity. The order matters: what is killed is started again in the same fact, and what Envoys then eject is
 * back when shares are measured; and a Consul that comes back empty has another CA, which changes what Envoys are sent.
 */
export function storyOf(identity: Identity): readonly Fact[] {
  const isOff = identity === "off";
  return [
    registered,
    answered,
    ...(isOff ? [] : [certified, ...wayTo(identity).map(moved), denied]),
    applicationKilled,
    instanceKilled,
    stopped,
    controlPlaneKilled,
    consulAway(!isOff),
    joined,
    ...(isOff ? [] : [encrypted]),
    ended,
  ];
}

/** Plays the facts, also after one that does not hold, and prints each with its figure. Resolves with the numbers of both kinds. */
export async function play(facts: readonly Fact[], stage: Stage, print: (line: string) => void): Promise<{ held: number; broken: number }> {
  let [held, broken] = [0, 0];
  for (const fact of facts) {
    try {
      const figure = await fact.observe(stage);
      held++;
      print(`${time(new Date())}  ✓ ${fact.title}\n            ${figure}`);
    } catch (error) {
      broken++;
      print(`${time(new Date())}  ✗ ${fact.title}\n            ${error instanceof Error ? error.message : error}`);
    }
  }
  return { held, broken };
}
