/** A client of the soak: an Envoy that may stall, refuse, half-close or vanish, and that knows what it holds. */
import { TypeUrl } from "@legation/xds";
import { Connection } from "../../bench/xds/load/connection.js";
import { aggregatedPath } from "../../bench/xds/load/envoy.js";
import { encodeRequest, nameFields } from "../../bench/xds/load/message.js";
import { ClientView, type Response, readResponse } from "./view.js";

const { cluster, endpoint, listener, route } = TypeUrl;

/** What a client asks its owner. */
export interface ClientEvents {
  /** Whether it is to refuse the response that came. */
  refuses(): boolean;
  /** The stream is over, by the server's doing or after a half-close. */
  ended(reason: string): void;
}

/** One client, on a connection of its own, opened at once. */
export class SoakClient {
  readonly view = new ClientView();
  stalled = false;
  readonly #connection: Connection;
  readonly #versions = new Map<string, string>();
  readonly #nonces = new Map<string, string>();
  readonly #names = new Map<string, ReadonlySet<string>>();
  #pieces: Buffer[] = [];
  #have = 0;

  constructor(
    port: number,
    private readonly delta: boolean,
    node: string,
    private readonly events: ClientEvents,
  ) {
    this.#connection = new Connection(port, aggregatedPath(delta), {
      data: (bytes, start, end) => this.#read(Buffer.from(bytes.subarray(start, end))),
      ended: (reason) => events.ended(reason),
    });
    this.#connection.send(encodeRequest(delta, { typeUrl: cluster, node }), encodeRequest(delta, { typeUrl: listener }));
  }

  /** Reads nothing until `resume`. */
  stall(): void {
    this.stalled = true;
    this.#connection.stall();
  }

  /** Reads on. */
  resume(): void {
    this.stalled = false;
    this.#connection.resume();
  }

  /** Sends no more requests; the server ends the stream. */
  halfClose(): void {
    this.#connection.halfClose();
  }

  /** Hangs up without a word. */
  leave(): void {
    this.#connection.destroy();
  }

  #read(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#have += bytes.length;
    while (this.#have >= 5) {
      const joined = Buffer.concat(this.#pieces);
      const end = 5 + joined.readUInt32BE(1);
      this.#pieces = [joined];
      if (joined.length < end) return;
      this.#pieces = [joined.subarray(end)];
      this.#have = joined.length - end;
      this.#take(readResponse(this.delta, joined.subarray(5, end)));
    }
  }

  #take(response: Response): void {
    const { typeUrl, nonce, version, set } = response;
    this.#nonces.set(typeUrl, nonce);
    if (this.events.refuses()) {
      const [culprit] = set.keys();
      this.#send(typeUrl, `${nonce.length % 2 === 0 ? culprit : "something"} is refused`);
      return;
    }
    this.#versions.set(typeUrl, version);
    this.view.apply(response, !this.delta && (typeUrl === cluster || typeUrl === listener));
    this.#send(typeUrl);
    if (typeUrl === cluster) this.#follow(endpoint, this.view.of(cluster).keys());
    if (typeUrl === listener)
      this.#follow(
        route,
        [...this.view.of(listener).keys()].map((name) => name.replace("listener", "route")),
      );
  }

  /** Answers the last response of a type; state of the world repeats the names. */
  #send(typeUrl: string, error?: string): void {
    const [nonce, version] = [this.#nonces.get(typeUrl), this.#versions.get(typeUrl)];
    const names = this.delta ? [] : [...(this.#names.get(typeUrl) ?? [])];
    this.#connection.send(
      encodeRequest(this.delta, {
        typeUrl,
        names: nameFields(names),
        ...(nonce ? { nonce } : {}),
        ...(version ? { version } : {}),
        ...(error ? { error } : {}),
      }),
    );
  }

  /** Asks for the names that what it holds refers to, and no longer for others. */
  #follow(typeUrl: string, names: Iterable<string>): void {
    const wanted = new Set(names);
    const before = this.#names.get(typeUrl) ?? new Set();
    const fresh = [...wanted].filter((name) => !before.has(name));
    const gone = [...before].filter((name) => !wanted.has(name));
    if (fresh.length + gone.length === 0) return;
    this.#names.set(typeUrl, wanted);
    this.view.keep(typeUrl, wanted);
    if (!this.delta) this.#send(typeUrl);
    else this.#connection.send(encodeRequest(true, { typeUrl, names: nameFields(fresh), gone: nameFields(gone, 4) }));
  }
}
