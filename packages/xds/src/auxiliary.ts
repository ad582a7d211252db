/** The calls beside the discovery streams, for status and load reports: bounded as those are, and ended when the server stops. */
import type { Node } from "@legation/envoy-api/envoy/config/core/v3/base";
import type { Clock, Timer } from "@legation/runtime";
import type { Limits } from "./limits.js";
import { type Call, Status, type Wire } from "./transport.js";
import { UnreadDeadline } from "./unread.js";

/** Why a caller may not speak or ask for a node, as the `authorize` hook says; undefined when it may. */
export type Objection = (node: Node) => string | undefined;

/** One such call. It stands between the transport and the service, which sees it as its wire. */
export class AuxiliaryCall implements Call {
  readonly #service: Call;
  readonly #unread: UnreadDeadline;
  readonly #first: Timer;
  #over = false;

  /** `serve` is given the wire to answer on; `onOver` is called once. */
  constructor(
    private readonly wire: Wire,
    limits: Limits,
    clock: Clock,
    serve: (wire: Wire) => Call,
    private readonly onOver: (call: AuxiliaryCall) => void,
  ) {
    this.#unread = new UnreadDeadline(clock, limits.unreadMs, () => {
      this.wire.abort();
      this.closed();
    });
    this.#first = clock.timeout(limits.firstRequestMs, () => this.end(Status.DEADLINE_EXCEEDED, "no first request came"));
    this.#service = serve({
      peer: wire.peer,
      write: (frame, done) => {
        this.#unread.wrote();
        wire.write(frame, () => {
          this.#unread.taken();
          done();
        });
      },
      end: (status, message) => this.end(status, message),
      abort: () => wire.abort(),
    });
  }

  message(bytes: Buffer): void {
    if (this.#over) return;
    this.#first.cancel();
    this.#service.message(bytes);
  }

  halfClose(): void {
    if (!this.#over) this.#service.halfClose();
  }

  closed(): void {
    this.#unread.cancel();
    this.#finish();
  }

  /** Ends the call with a gRPC status. Returns what the client is told, nothing when it is over already. */
  end(status: number, message: string): string {
    if (this.#over) return "";
    const told = this.wire.end(status, message);
    this.#finish();
    return told;
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#first.cancel();
    this.#service.closed();
    this.onOver(this);
  }
}
