/** The clients of the soak: as many as there are places, each replaced when it goes; chance says who does what. */
import { SoakClient } from "./client.js";
import { type Versions, zones } from "./state.js";

/** What has happened, for the report. */
export interface Deeds {
  joined: number;
  left: number;
  halfClosed: number;
  stalled: number;
  refused: number;
  /** Streams that the server ended: those that read nothing for too long. */
  ended: number;
}

/** How many of a hundred clients do something in each step. */
const leavePercent = 1.5;
const halfClosePercent = 0.7;
const stallPercent = 1;
const resumePercent = 5;
/** How many of a hundred responses are refused. */
const refusePercent = 2;

/** All clients. */
export class Crowd {
  readonly deeds: Deeds = { joined: 0, left: 0, halfClosed: 0, stalled: 0, refused: 0, ended: 0 };
  readonly #clients = new Map<number, SoakClient>();
  readonly #closing = new Set<SoakClient>();
  #calm = true;
  #leaving = false;

  constructor(
    private readonly port: number,
    private readonly size: number,
    private readonly random: () => number,
  ) {}

  /** Fills all places. */
  join(): void {
    this.#leaving = false;
    for (let place = 0; place < this.size; place += 1) this.#fill(place);
  }

  /** One step of misconduct. */
  step(): void {
    this.#calm = false;
    for (const [place, client] of [...this.#clients]) {
      const chance = this.random() * 100;
      if (client.stalled && chance < resumePercent) client.resume();
      else if (client.stalled || this.#closing.has(client)) continue;
      else if (chance < leavePercent) {
        this.deeds.left += 1;
        client.leave();
        this.#fill(place);
      } else if (chance < leavePercent + halfClosePercent) {
        this.deeds.halfClosed += 1;
        this.#closing.add(client);
        client.halfClose();
      } else if (chance < leavePercent + halfClosePercent + stallPercent) {
        this.deeds.stalled += 1;
        client.stall();
      }
    }
  }

  /** Everybody behaves from now on. */
  behave(): void {
    this.#calm = true;
    for (const client of this.#clients.values()) if (client.stalled) client.resume();
  }

  /** Who does not hold what it should, in words; empty when all do. */
  differences(wanted: readonly Versions[]): string[] {
    return [...this.#clients].flatMap(([place, client]) => {
      const difference = client.view.difference(wanted[place % zones] ?? {});
      return difference === undefined ? [] : [`client ${place} (${variantOf(place) ? "delta" : "sotw"}): ${difference}`];
    });
  }

  /** All go, half of them without a word. */
  leave(): void {
    this.#leaving = true;
    for (const [place, client] of this.#clients) {
      if (place % 2 === 0) client.leave();
      else client.halfClose();
    }
  }

  /** Hangs up the connections of those that said goodbye. */
  hangUp(): void {
    for (const client of this.#clients.values()) client.leave();
    this.#clients.clear();
  }

  #fill(place: number): void {
    this.deeds.joined += 1;
    const client: SoakClient = new SoakClient(this.port, variantOf(place), `soak-${place}`, {
      refuses: () => {
        if (this.#calm || this.random() * 100 >= refusePercent) return false;
        this.deeds.refused += 1;
        return true;
      },
      ended: () => {
        if (this.#leaving || this.#clients.get(place) !== client) return;
        if (!this.#closing.delete(client)) this.deeds.ended += 1;
        this.#fill(place);
      },
    });
    this.#clients.set(place, client);
  }
}

/** Whether a place's client speaks delta: every other zone-mate does. */
function variantOf(place: number): boolean {
  return Math.floor(place / zones) % 2 === 0;
}
