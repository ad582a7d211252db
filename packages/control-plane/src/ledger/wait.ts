/** One proxy that has not yet answered one change. */
import type { OpenChange } from "./open-change.js";

/** A proxy's stream. */
export interface ProxyStream {
  readonly stream: number;
  readonly node: string;
  /** In the order in which they were published. */
  readonly waits: Set<Wait>;
}

/** Ends when the stream is past every publication of the change that marked it, type by type. */
export class Wait {
  /** A response with something of the change was sent. */
  sent = false;
  /** When the stream was past all that is published of the change by then; milliseconds of the monotonic clock. */
  doneAt: number | undefined;
  /** By type URL beyond the first. */
  #more: Map<string, number> | undefined;
  #pending = 1;

  constructor(
    readonly open: OpenChange,
    readonly proxy: ProxyStream,
    private readonly typeUrl: string,
    private number: number,
  ) {}

  /** A further publication of the change marks the stream. */
  mark(typeUrl: string, number: number): void {
    this.doneAt = undefined;
    const before = this.#numberOf(typeUrl);
    if (!before) this.#pending++;
    if (typeUrl === this.typeUrl) this.number = number;
    else {
      this.#more ??= new Map();
      this.#more.set(typeUrl, number);
    }
  }

  /** The stream is past this publication for a type. Returns whether it is past all of them. */
  settle(typeUrl: string, through: number): boolean {
    const number = this.#numberOf(typeUrl);
    if (!number || number > through) return false;
    if (typeUrl === this.typeUrl) this.number = 0;
    else this.#more?.set(typeUrl, 0);
    this.#pending--;
    return this.#pending === 0;
  }

  /** The publication of a type that it waits for; 0 when it waits for none. */
  #numberOf(typeUrl: string): number {
    return typeUrl === this.typeUrl ? this.number : (this.#more?.get(typeUrl) ?? 0);
  }
}
