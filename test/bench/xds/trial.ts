/** One server with one fleet: started, configured, and ready to be measured. */
import { type Cell, type Contender, fleetCommand } from "./cell.js";
import type { ArrivalReport } from "./load/arrivals.js";
import { type Child, cpuOf, memoryOf, now, startChild } from "./process.js";

/** What changes led to, and what they cost. */
export interface Changes extends ArrivalReport {
  readonly changes: number;
  /** Milliseconds of CPU, of all server processes and of the fleet. */
  readonly cpu: number;
  readonly clientCpu: number;
}

/** A running trial. Call `close` in any case. */
export class Trial {
  /** Milliseconds from the first connection until the last stream is configured. */
  readonly storm: number;
  /** Milliseconds of server CPU in that time. */
  readonly stormCpu: number;
  #change = 0;

  private constructor(
    private readonly servers: readonly Child[],
    private readonly fleet: Child,
    private readonly streams: number,
    /** Kilobytes of the servers before the fleet came. */
    private readonly emptyMemory: number,
    times: { readonly storm: number; readonly stormCpu: number },
  ) {
    this.storm = times.storm;
    this.stormCpu = times.stormCpu;
  }

  /** Starts everything and waits until all streams are configured. Throws when they are not within two minutes. */
  static async open(contender: Contender, cell: Cell): Promise<Trial> {
    const children: Child[] = [];
    try {
      for (let i = 0; i < cell.processes; i += 1) children.push(startChild(contender.name, contender.command(cell)));
      const servers = [...children];
      const ports = await Promise.all(servers.map((server) => server.next("port")));
      const [memory, cpu] = [memoryOf(servers), cpuOf(servers)];
      const fleet = startChild(`the fleet on ${contender.name}`, fleetCommand(cell, ports));
      children.push(fleet);
      const started = await fleet.next("started");
      const storm = (await configured(fleet, cell.streams)) - started;
      return new Trial(servers, fleet, cell.streams, memory, { storm, stormCpu: cpuOf(servers) - cpu });
    } catch (error) {
      await Promise.all(children.map((child) => child.stop()));
      throw error;
    }
  }

  /** Megabytes resident in the servers now, and kilobytes that each stream has added. */
  memory(): { readonly memory: number; readonly perStream: number } {
    const kilobytes = memoryOf(this.servers);
    return { memory: kilobytes / 1024, perStream: (kilobytes - this.emptyMemory) / this.streams };
  }

  /** Makes one change after the other, each when every stream holds the one before. */
  async changes(count: number): Promise<Changes> {
    return this.#measure(async () => {
      const sent: [number, number][] = [];
      for (let i = 0; i < count; i += 1) {
        sent.push(this.#send());
        while ((await this.fleet.next("held")) < this.#change);
      }
      return sent;
    });
  }

  /** Makes changes at a steady rate, whether or not the streams keep up; then waits until all hold the last. */
  async sustained(perSecond: number, seconds: number): Promise<Changes> {
    return this.#measure(async () => {
      const sent: [number, number][] = [];
      const begin = now();
      const count = perSecond * seconds;
      while (sent.length < count) {
        while (sent.length < count && now() >= begin + (sent.length * 1_000) / perSecond) sent.push(this.#send());
        await new Promise((resolve) => setTimeout(resolve, Math.max(1, begin + (sent.length * 1_000) / perSecond - now())));
      }
      while ((await this.fleet.next("held")) < this.#change);
      return sent;
    });
  }

  /** Lets time pass without a change. */
  async idle(seconds: number): Promise<{ readonly cpu: number; readonly clientCpu: number }> {
    const before = [cpuOf(this.servers), cpuOf([this.fleet])] as const;
    await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
    return { cpu: cpuOf(this.servers) - before[0], clientCpu: cpuOf([this.fleet]) - before[1] };
  }

  /** Lets so many streams read nothing from now on. */
  async stall(streams: number): Promise<void> {
    this.fleet.send(`stall ${streams}`);
    await this.fleet.next("stalled");
  }

  /** Ends all processes. */
  async close(): Promise<void> {
    await Promise.all([this.fleet, ...this.servers].map((child) => child.stop()));
  }

  #send(): [change: number, at: number] {
    this.#change += 1;
    const at = now();
    for (const server of this.servers) server.send(`change ${this.#change}`);
    return [this.#change, at];
  }

  async #measure(make: () => Promise<[number, number][]>): Promise<Changes> {
    const before = [cpuOf(this.servers), cpuOf([this.fleet])] as const;
    const sent = await make();
    const [cpu, clientCpu] = [cpuOf(this.servers) - before[0], cpuOf([this.fleet]) - before[1]];
    this.fleet.send(`report ${JSON.stringify(sent)}`);
    const report = await this.fleet.next("report");
    if (report.arrived !== report.expected)
      throw new Error(`${report.arrived} of ${report.expected} changes arrived: the server lost some, or sent some twice`);
    return { ...report, changes: sent.length, cpu, clientCpu };
  }
}

async function configured(fleet: Child, streams: number): Promise<number> {
  try {
    return await fleet.next("configured");
  } catch (error) {
    fleet.send("count");
    const count = await fleet.next("count", 5_000).catch(() => undefined);
    throw count === undefined ? error : new Error(`${count} of ${streams} streams were configured after two minutes`, { cause: error });
  }
}
