/** A client that behaves like an Envoy: clusters, then the endpoints of each, then listeners and routes; it acknowledges everything. */
import { TypeUrl } from "@legation/xds";
import { Connection } from "./connection.js";
import { encodeRequest, field, nameFields } from "./message.js";
import { type Head, ResponseScanner } from "./scanner.js";

/** The aggregated service's methods. */
export const aggregatedPath = (delta: boolean) =>
  `/envoy.service.discovery.v3.AggregatedDiscoveryService/${delta ? "Delta" : "Stream"}AggregatedResources`;

/** What a client tells its fleet. */
export interface EnvoyEvents {
  /** It holds all that it asked for. Called once. */
  configured(): void;
  /** A configured client was sent endpoints; `change` is the newest change in them, -1 for none. */
  endpoints(change: number): void;
  ended(reason: string): void;
}

/** The endpoints that a client asks for, encoded once for all clients that ask for the same. */
export interface EndpointNames {
  readonly count: number;
  readonly fields: Uint8Array;
}

/** Makes an EndpointNames. */
export function endpointNames(names: readonly string[]): EndpointNames {
  return { count: names.length, fields: nameFields(names) };
}

const { cluster, endpoint, listener, route } = TypeUrl;
const routeName = field(3, "route-0");

/** One client, on a connection of its own, opened at once. */
export class Envoy {
  readonly #connection: Connection;
  readonly #scanner: ResponseScanner;
  readonly #seen = new Set<string>();
  #assignments = 0;

  constructor(
    port: number,
    private readonly delta: boolean,
    node: string,
    private readonly names: EndpointNames,
    private readonly events: EnvoyEvents,
  ) {
    this.#scanner = new ResponseScanner((head) => this.#take(head));
    this.#connection = new Connection(port, aggregatedPath(delta), {
      data: (bytes, start, end) => this.#scanner.push(bytes, start, end),
      ended: (reason) => events.ended(reason),
    });
    this.#connection.send(encodeRequest(delta, { typeUrl: cluster, node }));
  }

  /** Reads nothing more. */
  stall(): void {
    this.#connection.stall();
  }

  #take({ version, typeUrl, nonce, resources, change }: Head): void {
    const answer = this.#answer(typeUrl, nonce, version);
    const next = this.#next(typeUrl, resources);
    if (next) this.#connection.send(answer, next);
    else this.#connection.send(answer);
    if (typeUrl === endpoint && this.#scanner.marks) this.events.endpoints(change);
    if (typeUrl !== route || this.#scanner.marks) return;
    this.#scanner.marks = true;
    this.events.configured();
  }

  #answer(typeUrl: string, nonce: string, version: string): Buffer {
    if (this.delta) return encodeRequest(true, { typeUrl, nonce });
    const names = typeUrl === endpoint ? this.names.fields : typeUrl === route ? routeName : undefined;
    return encodeRequest(false, { typeUrl, nonce, version, ...(names ? { names } : {}) });
  }

  /** The request for the next type, once all of this one has come. */
  #next(typeUrl: string, resources: number): Buffer | undefined {
    if (typeUrl === endpoint) this.#assignments += resources;
    if (this.#seen.has(typeUrl) || (typeUrl === endpoint && this.#assignments < this.names.count)) return undefined;
    this.#seen.add(typeUrl);
    if (typeUrl === cluster) return encodeRequest(this.delta, { typeUrl: endpoint, names: this.names.fields });
    if (typeUrl === endpoint) return encodeRequest(this.delta, { typeUrl: listener });
    if (typeUrl === listener) return encodeRequest(this.delta, { typeUrl: route, names: routeName });
    return undefined;
  }
}
