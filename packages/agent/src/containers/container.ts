/** A container and its events as the engine tells them, with only what is used. Pure. */

/** Where a port of a container is published on this machine. */
export interface Published {
  /** "0.0.0.0" and "::" mean every address of the machine. */
  readonly host: string;
  readonly port: number;
}

/** See the file's sentence. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** It runs and is not paused. */
  readonly up: boolean;
  /** What the engine says of its state: "running", "paused", "exited". */
  readonly status: string;
  /** It has the machine's network and no address of its own. */
  readonly onHostNetwork: boolean;
  /** The TCP ports that its image or its start names. */
  readonly ports: readonly number[];
  /** By the container's TCP port. */
  readonly published: ReadonlyMap<number, Published>;
  /** Its address in each network, by the network's name. */
  readonly addresses: ReadonlyMap<string, string>;
}

/** Something happened to a container. */
export interface ContainerEvent {
  readonly id: string;
  /** "start", "die", "stop", "pause", "unpause", "destroy", and others. */
  readonly action: string;
}

type Json = Readonly<Record<string, unknown>>;

/** Reads an answer of `GET /containers/{id}/json`; undefined for anything that is no container. */
export function containerOf(answer: unknown): Container | undefined {
  const { Id: id, Name: name, State, Config, HostConfig, NetworkSettings } = object(answer);
  if (typeof id !== "string") return undefined;
  const state = object(State);
  const settings = object(NetworkSettings);
  const bindings = Object.entries(object(settings["Ports"]));
  const published = bindings.flatMap(([key, value]): [number, Published][] => {
    const port = tcpPort(key);
    const all = (Array.isArray(value) ? value : []).flatMap((binding) => publishedOf(binding));
    const first = all.find(({ host }) => !host.includes(":")) ?? all[0];
    return port !== undefined && first ? [[port, first]] : [];
  });
  const named = [...Object.keys(object(object(Config)["ExposedPorts"])), ...bindings.map(([key]) => key)];
  const networks = Object.entries(object(settings["Networks"])).flatMap(([network, value]): [string, string][] => {
    const { IPAddress, GlobalIPv6Address } = object(value);
    const address = [IPAddress, GlobalIPv6Address].find((text): text is string => typeof text === "string" && text !== "");
    return address === undefined ? [] : [[network, address]];
  });
  return {
    id,
    name: typeof name === "string" ? name.replace(/^\//, "") : id.slice(0, 12),
    labels: texts(object(Config)["Labels"]),
    up: state["Running"] === true && state["Paused"] !== true,
    status: typeof state["Status"] === "string" ? state["Status"] : "unknown",
    onHostNetwork: object(HostConfig)["NetworkMode"] === "host",
    ports: [...new Set(named.flatMap((key) => tcpPort(key) ?? []))].sort((a, b) => a - b),
    published: new Map(published),
    addresses: new Map(networks.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** Reads one line of `GET /events`; undefined for what is no event of a container. */
export function eventOf(line: string): ContainerEvent | undefined {
  let event: Json;
  try {
    event = object(JSON.parse(line));
  } catch {
    return undefined;
  }
  const id = object(event["Actor"])["ID"] ?? event["id"];
  const action = event["Action"] ?? event["status"];
  if ((event["Type"] ?? "container") !== "container" || typeof id !== "string" || typeof action !== "string") return undefined;
  return { id, action };
}

function publishedOf(binding: unknown): Published[] {
  const { HostIp, HostPort } = object(binding);
  const port = Number(HostPort);
  if (!Number.isInteger(port) || port < 1) return [];
  return [{ host: typeof HostIp === "string" && HostIp !== "" ? HostIp : "0.0.0.0", port }];
}

function tcpPort(key: string): number | undefined {
  const port = /^(\d{1,5})(?:\/tcp)?$/.exec(key)?.[1];
  return port === undefined ? undefined : Number(port);
}

function texts(value: unknown): Record<string, string> {
  return Object.fromEntries(Object.entries(object(value)).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}
