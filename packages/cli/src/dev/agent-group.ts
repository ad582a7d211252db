/** One agent of `legation dev`: started on free ports, told when its files change, and started anew where that is needed. */
import { watch } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readContact } from "@legation/agent/contact";
import { type Clock, codeOf, messageOf } from "@legation/runtime/command-line";
import { type AgentReady, type Child, type ControlPlaneAddress, readReady, type Sandbox, startAgent } from "@legation/sandbox";
import { type AgentApi, createAgentApi } from "../agent-api.js";
import { isServiceFile, readService, type ServiceFile, type ServiceGroup } from "./service-file.js";

/** What an agent is started with. */
export interface GroupRun {
  readonly sandbox: Sandbox;
  readonly group: ServiceGroup;
  readonly consul: string;
  readonly controlPlane: ControlPlaneAddress;
  /** Undefined where there is none: then services run without. */
  readonly envoy: string | undefined;
  /** The path of the `legation` command. */
  readonly command: string;
  readonly clock: Clock;
  /** Says something to the developer. */
  readonly tell: (text: string) => void;
}

/** A service that serves, and where. */
export interface ServingInstance {
  readonly file: ServiceFile;
  readonly ready: AgentReady;
}

/** An agent that runs, or has ended and waits for its files to change. */
export interface AgentGroup {
  readonly log: string;
  /** Those that serve now. */
  serving(): Promise<readonly ServingInstance[]>;
  /** True while the agent's process runs. */
  readonly running: boolean;
  /** Leaves as an agent does; waited for. */
  stop(): Promise<void>;
}

/** An agent leaves within this, its drain included; then it is killed. Milliseconds. */
const stopLimit = 60_000;
/** Editors write a file in several steps: the last one counts. Milliseconds. */
const settle = 250;
const askLimit = 10_000;

/** Starts it. */
export async function startGroup(run: GroupRun): Promise<AgentGroup> {
  const { sandbox, group, clock, tell } = run;
  const stateDir = sandbox.makeDir(`agents/${group.label}`);
  const addresses = await freeAddresses(sandbox);
  /** Of an agent with one service: what the agent was started by. */
  let file = group.isDirectory ? undefined : group.files[0];
  let stopping = false;

  const start = (): Promise<Child> =>
    startAgent(sandbox, {
      ...{ name: group.label, services: group.isDirectory ? { directory: group.path } : { file: group.path }, stateDir },
      ...{ consul: run.consul, controlPlanes: [run.controlPlane], command: run.command, envoy: run.envoy },
      ...(file ? undecided(addresses, file) : { admin: addresses.admin }),
      flags: file ? flagsFor(file, group.id, run.envoy) : [],
    });
  let child = await start();

  const restart = async (): Promise<void> => {
    await child.stop(stopLimit);
    if (!stopping) child = await start();
  };

  /** Reads the file again; true when it decides other things itself, for which the agent has flags, or has none. */
  const decidesAnew = (): boolean => {
    if (!file) return false;
    try {
      const before = JSON.stringify([file.id === undefined, file.decides]);
      file = readService(group.path);
      return JSON.stringify([file.id === undefined, file.decides]) !== before;
    } catch {
      // The agent says what is wrong with it.
      return false;
    }
  };

  const followOnce = async (): Promise<void> => {
    if (stopping) return;
    try {
      const contact = readContact(stateDir);
      const isAnew = decidesAnew();
      if (child.exit || !contact || isAnew) await restart();
      else if (group.isDirectory) child.signal("SIGHUP");
      else await reload(createAgentApi(contact));
    } catch (error) {
      // It has not begun to listen, or will not: a new one reads what is written now.
      if (codeOf(error) === "agent.unreachable") return await restart();
      // A file that is wrong is told by the agent itself.
      if (codeOf(error) !== "agent.refused") tell(`${group.path} changed, and that is not in effect: ${messageOf(error)}`);
    }
  };

  /** What an agent can take takes effect at once; for the rest the service, or the agent, starts anew: a developer waits for nothing. */
  const reload = async (api: AgentApi): Promise<void> => {
    const changes = await api.ask<{ readonly service: readonly string[]; readonly agent: readonly string[] }>("POST", "/reload", {
      limitMs: askLimit,
    });
    if (changes.agent.length > 0) {
      tell(`${group.label}: a new agent, for ${changes.agent.join(", ")}`);
      await restart();
    } else if (changes.service.length > 0) {
      tell(`${group.label}: a new process, for ${changes.service.join(", ")}`);
      await api.ask("POST", "/restart", { limitMs: askLimit, body: { force: true, wait: false } });
    }
  };

  /** One after the other: two at once would start two agents. What changes while one is at work is followed once after it. */
  let followed = Promise.resolve();
  let waits = false;
  const follow = (): void => {
    if (waits) return;
    waits = true;
    followed = followed
      .then(() => {
        waits = false;
        return followOnce();
      })
      .catch((error: unknown) => tell(`${group.path} changed, and that is not in effect: ${messageOf(error)}`));
  };

  const unwatch = watchFiles(group, follow, clock);
  return {
    log: child.log,
    get running() {
      return child.exit === undefined;
    },
    async serving() {
      const all = await readyFiles(stateDir, child.pid);
      return group.files.flatMap((file) => {
        const ready = all.find(({ id }) => !group.isDirectory || isOf(file, id));
        return ready ? [{ file, ready }] : [];
      });
    },
    async stop() {
      stopping = true;
      unwatch();
      await child.stop(stopLimit);
      // What was being followed may have started another.
      await followed;
      await child.stop(stopLimit);
    },
  };
}

/** What is right on a laptop, where the file does not say otherwise. */
function flagsFor(file: ServiceFile, id: string, envoy: string | undefined): string[] {
  return [
    ...(file.decides.host ? [] : ["--host", "127.0.0.1"]),
    ...(file.id === undefined ? ["--id", id] : []),
    ...(envoy === undefined ? ["--no-envoy"] : []),
  ];
}

interface Addresses {
  readonly admin: string;
  readonly inbound: string;
  readonly outbound: string;
  readonly envoyAdmin: string;
}

/** The same for as long as the mesh runs. */
async function freeAddresses({ ports }: Pick<Sandbox, "ports">): Promise<Addresses> {
  const free = async (): Promise<string> => `127.0.0.1:${await ports.free()}`;
  return { admin: await free(), inbound: await free(), outbound: await free(), envoyAdmin: await free() };
}

/** Those that the file leaves open. */
function undecided(addresses: Addresses, { decides }: ServiceFile): Partial<Addresses> {
  const open = (["admin", "inbound", "outbound", "envoyAdmin"] as const).filter((name) => !decides[name]);
  return Object.fromEntries(open.map((name) => [name, addresses[name]]));
}

/** What the agent with this pid has written of its instances. */
async function readyFiles(stateDir: string, pid: number): Promise<readonly AgentReady[]> {
  const entries = await readdir(stateDir, { withFileTypes: true });
  const dirs = [stateDir, ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(stateDir, name))];
  const found = await Promise.all(dirs.map((dir) => readReady<AgentReady>(dir)));
  return found.filter((ready) => ready !== undefined).filter(({ pids }) => pids.agent === pid);
}

/** Whether an id is the one of this file's instance. */
function isOf({ service, id: own, port }: ServiceFile, id: string): boolean {
  return own === undefined ? id.startsWith(`${service}-`) && id.endsWith(`-${port}`) : id === own;
}

function watchFiles({ path, isDirectory }: ServiceGroup, onChange: () => void, clock: Clock): () => void {
  let timer: { cancel(): void } | undefined;
  // The directory, since editors put a new file in the place of the old one.
  const watcher = watch(isDirectory ? path : dirname(path), (_event, name) => {
    if (isDirectory ? !isServiceFile(name ?? "") : name !== basename(path)) return;
    timer?.cancel();
    timer = clock.timeout(settle, onChange);
  });
  watcher.on("error", () => {});
  return () => {
    timer?.cancel();
    watcher.close();
  };
}
