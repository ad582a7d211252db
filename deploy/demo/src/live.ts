/** The demo for people: shows what happens in the shop, once a second, until it is told to stop. */
import { setTimeout as sleep } from "node:timers/promises";
import { changes } from "./changes.js";
import { callsBetween, type IdentityLook } from "./identity-look.js";
import { lookAt, type Overview } from "./overview.js";
import type { Screen } from "./screen.js";
import type { Shop } from "./shop.js";
import type { Traffic } from "./traffic.js";
import { frame, paint, summaryLine, time, type ViewState } from "./view.js";

const keptEvents = 50;
const summaryEvery = 5;

/** Shows frames on a terminal; elsewhere events as they come, and a summary every five seconds. Returns when `signal` is aborted. */
export async function showLive(
  shop: Shop,
  traffic: Traffic,
  screen: Screen,
  addresses: ViewState["addresses"],
  signal: AbortSignal,
): Promise<void> {
  const start = performance.now();
  const events: { at: Date; text: string }[] = [];
  let before: Overview | undefined;
  let firstLook: IdentityLook | undefined;
  for (let second = 0; !signal.aborted; second++) {
    const [overview, hints] = await Promise.all([lookAt(shop), hintsFor(shop)]);
    traffic.tick();
    if (overview.identity) firstLook ??= overview.identity;
    const calls = overview.identity && before?.identity && callsBetween(before.identity, overview.identity);
    const news = before ? changes(before, overview) : [];
    before = overview;
    for (const text of news) events.push({ at: new Date(), text });
    events.splice(0, events.length - keptEvents);
    const { load, rates, failures } = traffic;
    const state: ViewState = {
      ...{ upMs: performance.now() - start, addresses, overview, rates, failures, events, hints },
      calls: calls && firstLook && overview.identity && { ...calls, denied: callsBetween(firstLook, overview.identity).denied },
      recent: traffic.recent(),
      total: load.report(),
    };
    if (screen.live) screen.show(frame(state, paint(screen.colours), screen.rows));
    else {
      for (const text of news) screen.print(`${time(new Date())}  ${text}`);
      if (second % summaryEvery === 0) screen.print(`${time(new Date())}  ${summaryLine(state)}`);
    }
    await sleep(1_000, undefined, { signal }).catch(() => undefined);
  }
}

/** Commands that a person can try in another terminal, with the pids as they are now. What nobody could replace is not proposed. */
async function hintsFor({ mesh, instances, identity, web }: Shop): Promise<string[]> {
  const spare = (name: string) => (instances(name).length > 1 ? instances(name).at(-1) : undefined);
  const [crash, leave] = [spare("orders"), spare("payments")];
  const [crashPids, leavePids] = await Promise.all([crash, leave].map((one) => one?.pids().catch(() => undefined)));
  const hint = (command: string, effect: string) => `${command.padEnd(15)} ${effect}`;
  return [
    ...(crashPids?.app ? [hint(`kill -9 ${crashPids.app}`, `the application of ${crash?.id} crashes, and is started again`)] : []),
    ...(leavePids ? [hint(`kill ${leavePids.agent}`, `${leave?.id} leaves in order: not one request fails`)] : []),
    ...(identity === "off" ? [] : [hint(`curl ${web}/payments/7`, "no intention allows that")]),
    ...(mesh.controlPlane.running ? [hint(`kill -9 ${mesh.controlPlane.pid}`, "no control plane any more: traffic goes on")] : []),
  ];
}
