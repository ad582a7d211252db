/** `npm run demo`: starts the shop, and shows it to a person or plays its story. */
import { rmSync } from "node:fs";
import type { Sandbox } from "@legation/local";
import { type DemoFlags, parseFlags, usage } from "./flags.js";
import { applyPolicy, wayTo } from "./identity.js";
import { showLive } from "./live.js";
import { writeReadyFile } from "./ready-file.js";
import { openScreen, type Screen } from "./screen.js";
import { openShopSandbox, type Shop, type ShopPorts, startShop } from "./shop.js";
import { play, storyOf } from "./story.js";
import { startTraffic } from "./traffic.js";
import { count, ms, type ViewState } from "./view.js";

const usual = { consul: 8500, api: 8080, xds: 18_000, web: 10_000 } as const;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  let flags: DemoFlags;
  try {
    flags = parseFlags(argv);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${usage}`);
    return 2;
  }
  if (flags.help) {
    console.log(usage);
    return 0;
  }
  const screen = openScreen(process.stdout, process.env);
  const stopping = new AbortController();
  const firstAt = { ms: 0 };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => stop(stopping, firstAt, name));
  const sandbox = openShopSandbox();
  try {
    return await run(flags, sandbox, screen, stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) {
      screen.print("Stopping what was started ...");
      return 130;
    }
    screen.print(`The demo could not go on: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    if (flags.readyFile) rmSync(flags.readyFile, { force: true });
    await sandbox.stop();
  }
}

/**
 * The first signal stops all in order; a second one leaves that to the tether, which is not gentle. npm hands on a Ctrl-C that the
 * terminal has sent to this process as well, so that what comes at once is no second one.
 */
function stop(stopping: AbortController, firstAt: { ms: number }, signal: NodeJS.Signals): void {
  if (!stopping.signal.aborted) {
    firstAt.ms = performance.now();
    stopping.abort(new Error(`stopped by ${signal}`));
  } else if (performance.now() - firstAt.ms > 1_000) process.exit(130);
}

async function run(flags: DemoFlags, sandbox: Sandbox, screen: Screen, signal: AbortSignal): Promise<number> {
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1_000).toFixed(1);
  const { ports, notes } = flags.once ? { ports: {}, notes: {} } : await claimPorts(sandbox);
  const cast = flags.identity === "off" ? "six instances of three services" : "seven instances of four services";
  screen.print(`Starting Consul, the control plane, and ${cast} ...`);
  const starting = startShop(sandbox, ports, flags.identity, (done) => screen.print(`${seconds().padStart(7)} s  ${done}`));
  const shop = await unless(signal, starting);
  const { load, ...traffic } = startTraffic(shop.web, flags.rate);
  sandbox.onStop(() => load.stop());
  if (flags.readyFile) await writeReadyFile(flags.readyFile, shop);
  const addresses = await addressesOf(shop, notes);
  if (!screen.live || flags.once)
    for (const { name, url, note } of addresses) screen.print(`  ${name.padEnd(16)}${url}${note ? `  (${note})` : ""}`);

  if (flags.once) {
    const { held, broken } = await unless(signal, play(storyOf(flags.identity), { shop, load }, screen.print));
    const { ended, survivors } = await sandbox.stop();
    const left = [...ended, ...survivors];
    screen.print(left.length === 0 ? "No process was left." : `Processes were left: ${left.join(", ")}`);
    screen.print(`${held} facts held, ${broken} did not; ${seconds()} s`);
    return broken === 0 && left.length === 0 ? 0 : 1;
  }

  for (const mode of wayTo(flags.identity))
    screen.print(`${seconds().padStart(7)} s  ${mode}: ${await unless(signal, applyPolicy(shop.mesh, mode))}`);
  await showLive(shop, { load, ...traffic }, screen, addresses, signal);
  screen.print("Stopping: visitors, web, orders, payments, the control plane, Consul ...");
  const { due, failed, latency } = await load.stop();
  await sandbox.stop();
  screen.print(`${count(due)} requests, ${count(failed)} failed, p50 ${ms(latency.p50)}, p99 ${ms(latency.p99)}. Nothing is left running.`);
  return 0;
}

/** The usual ports where they are free, and a note for each that is not. */
async function claimPorts(sandbox: Sandbox): Promise<{ ports: ShopPorts; notes: Record<string, string> }> {
  const ports: Record<string, number> = {};
  const notes: Record<string, string> = {};
  for (const [name, port] of Object.entries(usual)) {
    if (await sandbox.ports.claim(port)) ports[name] = port;
    else notes[name] = `port ${port} is taken`;
  }
  return { ports, notes };
}

async function addressesOf(shop: Shop, notes: Readonly<Record<string, string>>): Promise<ViewState["addresses"]> {
  const { consul, controlPlane, acl } = shop.mesh;
  const token = await acl?.tokenFile("operator-write");
  const noted = (name: string) => (notes[name] ? { note: notes[name] } : {});
  return [
    { name: consul.ui ? "Consul's UI" : "Consul", url: consul.ui ?? consul.url, ...noted("consul") },
    { name: "API", url: `${controlPlane.api}/services`, ...noted("api") },
    { name: shop.identity === "off" ? "web via Envoy" : "web via gate", url: `${shop.web}/`, ...noted("web") },
    ...(token ? [{ name: "your token", url: token }] : []),
  ];
}

/** Settles like `work`, or rejects as soon as the signal is aborted. */
function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    work.then(resolve, reject);
  });
}
