/** A Consul in memory that keeps Consul's rules of indexes and blocking, and does wrong on demand. */
import { type Answer, type Consul, ConsulError, type ReadOptions } from "@legation/consul";
import type { CheckStatus } from "@legation/mesh";

/** A registration. */
export interface FakeInstance {
  readonly service: string;
  readonly id: string;
  readonly node?: string;
  readonly port?: number;
  readonly weight?: number;
  readonly tags?: readonly string[];
  /** The status of its one check. */
  readonly status?: CheckStatus;
}

/** The fake. Changes take effect at once and wake what blocks on them. */
export interface FakeConsul extends Pick<Consul, "get"> {
  register(instance: FakeInstance): void;
  /** The same, but the list of services does not wake. */
  registerSilently(instance: FakeInstance): void;
  deregister(service: string, id: string): void;
  check(service: string, id: string, status: CheckStatus, output?: string): void;
  nodeCheck(node: string, status: CheckStatus): void;
  node(node: string, address: string): void;
  /** Another Consul at the same address: no data, indexes from 1, a server of another ID. All queries fail once. */
  wipe(): void;
  /** The same data with lower indexes, as after a restored snapshot. */
  rewind(): void;
  /** Answers that `fault` turns into something else: a thrown error, or an answer of its own. */
  fault: ((path: string, answer: Answer<unknown>, options: ReadOptions) => Answer<unknown>) | undefined;
  /** Fails all queries, those that block included, until `up`. */
  down(error?: Error): void;
  up(): void;
  /** Paths asked so far, and forgets them. */
  asked(): string[];
}

interface Row {
  readonly instance: FakeInstance;
  readonly node: string;
  status: CheckStatus;
  output: string;
  checkIndex: number;
}

/** Makes a Consul with one server and no services but its own. */
export function createFakeConsul(): FakeConsul {
  let index = 10;
  let server = "server-1";
  let outage: Error | undefined;
  let asked: string[] = [];
  const rows = new Map<string, Row>();
  const nodes = new Map<string, { address: string; status: CheckStatus; checkIndex: number }>();
  const indexes = new Map<string, number>();
  const blocked = new Set<() => void>();
  /** Raised by each outage: whoever has blocked through one gets its error. Raised by each restore: whoever blocks is answered. */
  const epoch = { outages: 0, restores: 0 };

  const touch = (...tables: string[]) => {
    index++;
    for (const table of tables) indexes.set(table, index);
    for (const wake of [...blocked]) wake();
  };
  const of = (service: string) => [...rows.values()].filter((row) => row.instance.service === service);
  const nodeOf = (name: string) => {
    const node = nodes.get(name) ?? { address: `10.0.0.${nodes.size + 1}`, status: "passing" as CheckStatus, checkIndex: index };
    if (!nodes.has(name)) indexes.set("nodes", index);
    nodes.set(name, node);
    return node;
  };
  const checkOf = (row: Row) => ({
    Node: row.node,
    CheckID: `check-${row.instance.id}`,
    Name: "check",
    Status: row.status,
    Output: row.output,
    ServiceID: row.instance.id,
    ServiceName: row.instance.service,
    ModifyIndex: row.checkIndex,
  });
  const nodeCheckOf = (name: string) => {
    const { status, checkIndex } = nodeOf(name);
    return {
      Node: name,
      CheckID: "serfHealth",
      Name: "Serf",
      Status: status,
      Output: "",
      ServiceID: "",
      ServiceName: "",
      ModifyIndex: checkIndex,
    };
  };

  function read(path: string, options: ReadOptions): { data: unknown; index: number } {
    const [, kind, what, name = ""] = path.split("/");
    const at = (table: string) => indexes.get(table) ?? 1;
    if (kind === "catalog" && what === "services") {
      const names = new Map<string, string[]>();
      for (const { instance } of rows.values())
        names.set(instance.service, [...(names.get(instance.service) ?? []), ...(instance.tags ?? [])]);
      return { data: Object.fromEntries(names), index: at("services") };
    }
    if (kind === "catalog" && what === "nodes")
      return { data: [...nodes].map(([node, { address }]) => ({ Node: node, ID: `id-${node}`, Address: address })), index: at("nodes") };
    if (kind === "catalog") return { data: [{ ID: server, Node: "server" }], index: 1 };
    if (what === "state") {
      const checks = [...[...rows.values()].map(checkOf), ...[...nodes.keys()].map(nodeCheckOf)];
      return { data: checks.filter((check) => check.Status === name), index: at("checks") };
    }
    const listed = options.query?.["tag"] ? [] : of(name);
    return {
      data: listed.map((row) => ({
        Node: { Node: row.node, Address: nodeOf(row.node).address },
        Service: {
          ID: row.instance.id,
          Service: name,
          Address: "",
          Port: row.instance.port ?? 8_000 + row.instance.id.charCodeAt(0),
          Tags: row.instance.tags ?? [],
          Meta: {},
          Weights: { Passing: row.instance.weight ?? 1, Warning: 1 },
        },
        Checks: [nodeCheckOf(row.node), checkOf(row)],
      })),
      index: at(`service.${name}`),
    };
  }

  async function get<T>(path: string, options: ReadOptions = {}): Promise<Answer<T>> {
    asked.push(options.query?.["tag"] ? `probe ${path}` : path);
    const { outages, restores } = epoch;
    await Promise.resolve();
    for (;;) {
      options.signal?.throwIfAborted();
      if (outage || epoch.outages !== outages) throw outage ?? new ConsulError("consul.unreachable", "the connection broke");
      const found = read(path, options);
      if (!options.index || found.index > options.index || epoch.restores !== restores) {
        const answer: Answer<unknown> = { ...found, knownLeader: true, lastContactMs: 0, filteredByAcl: false, bytes: 100 };
        return (fake.fault ? fake.fault(path, answer, options) : answer) as Answer<T>;
      }
      await new Promise<void>((resolve) => {
        const wake = () => {
          blocked.delete(wake);
          options.signal?.removeEventListener("abort", wake);
          resolve();
        };
        blocked.add(wake);
        options.signal?.addEventListener("abort", wake);
      });
    }
  }

  const onNode = (node: string) => [...rows.values()].filter((row) => row.node === node).map((row) => `service.${row.instance.service}`);
  function add(instance: FakeInstance, ...tables: string[]): void {
    const node = instance.node ?? "n1";
    nodeOf(node);
    const key = `${instance.service}/${instance.id}`;
    const before = rows.get(key);
    const status = instance.status ?? "passing";
    const checkIndex = before?.status === status ? before.checkIndex : index + 1;
    rows.set(key, { instance, node, status, output: before?.output ?? "", checkIndex });
    touch(...tables, `service.${instance.service}`, ...(checkIndex > index ? ["checks"] : []));
  }

  const itself = { service: "consul", id: "consul", node: "server", port: 8300 };
  const fake: FakeConsul = {
    get,
    fault: undefined,
    register: (instance) => add(instance, "services"),
    registerSilently: (instance) => add(instance),
    deregister(service, id) {
      rows.delete(`${service}/${id}`);
      touch("services", "checks", `service.${service}`);
    },
    check(service, id, status, output = "") {
      const row = rows.get(`${service}/${id}`);
      if (!row) throw new Error(`no ${service}/${id}`);
      Object.assign(row, { status, output, checkIndex: index + 1 });
      touch("checks", `service.${service}`);
    },
    nodeCheck(name, status) {
      Object.assign(nodeOf(name), { status, checkIndex: index + 1 });
      touch("checks", ...onNode(name));
    },
    node(name, address) {
      nodeOf(name).address = address;
      touch("nodes", ...onNode(name));
    },
    wipe() {
      fake.down();
      rows.clear();
      nodes.clear();
      indexes.clear();
      index = 1;
      server = "server-2";
      add(itself, "services");
      outage = undefined;
    },
    rewind() {
      epoch.restores++;
      index -= 5;
      for (const [table, at] of indexes) indexes.set(table, Math.max(1, at - 5));
      for (const row of rows.values()) row.checkIndex = Math.max(1, row.checkIndex - 5);
      for (const wake of [...blocked]) wake();
    },
    down(error = new ConsulError("consul.unreachable", "down")) {
      outage = error;
      epoch.outages++;
      for (const wake of [...blocked]) wake();
    },
    up() {
      outage = undefined;
    },
    asked() {
      const paths = asked;
      asked = [];
      return paths;
    },
  };
  add(itself, "services");
  return fake;
}
