/** The services that stand in the bench's Consul, and the changes that are made to them, by writes to its catalog. */
import { type Consul, createConsul } from "@legation/consul";

/** Where and how many. */
export interface PopulationOptions {
  readonly url: string;
  readonly services: number;
  readonly instances: number;
}

/** What can be done to the services `s0`, `s1`, … with instances `s0-0`, … on some two hundred nodes. */
export interface Population {
  /** Registers all of them, passing but for one instance of every fiftieth service in the second half, which is critical. */
  fill(): Promise<void>;
  register(service: string, instance: number, weight?: number): Promise<void>;
  deregister(service: string, instance: number): Promise<void>;
  check(service: string, instance: number, status: "passing" | "critical", output: string): Promise<void>;
  close(): void;
}

const nodes = 200;

/** Makes the population's hands; its connections are its own. */
export function createPopulation({ url, services, instances }: PopulationOptions): Population {
  const consul: Consul = createConsul({ address: url, maxConnections: 16 });
  const nodeOf = (service: string, instance: number) => `n${(Number(service.replace(/\D/g, "")) * instances + instance) % nodes}`;

  const write = async (service: string, instance: number, rest: object) => {
    const node = nodeOf(service, instance);
    await consul.put("/catalog/register", { Node: node, Address: `10.0.0.${node.slice(1)}`, SkipNodeUpdate: true, ...rest });
  };
  const checkOf = (service: string, instance: number, status: string, output: string) => ({
    CheckID: `${service}-${instance}-ttl`,
    Name: "heartbeat",
    Status: status,
    Output: output,
    ServiceID: `${service}-${instance}`,
  });
  const population: Population = {
    async fill() {
      for (let n = 0; n < nodes; n++) await consul.put("/catalog/register", { Node: `n${n}`, Address: `10.0.0.${n}` });
      const todo = Array.from({ length: services * instances }, (_, i) => i);
      const worker = async () => {
        for (let i = todo.pop(); i !== undefined; i = todo.pop()) await population.register(`s${Math.floor(i / instances)}`, i % instances);
      };
      await Promise.all(Array.from({ length: 16 }, worker));
      for (let s = Math.floor(services / 2); s < services; s += 50) await population.check(`s${s}`, 1, "critical", "connection refused");
    },
    register: (service, instance, weight = 1) =>
      write(service, instance, {
        Service: {
          ID: `${service}-${instance}`,
          Service: service,
          Port: 8_000 + instance,
          Tags: ["v1"],
          Meta: { version: "1.0.0", protocol: "http", zone: "z1", region: "r1" },
          TaggedAddresses: { mesh: { Address: `10.0.1.${instance}`, Port: 20_000 } },
          Weights: { Passing: weight, Warning: 1 },
        },
        Checks: [{ ...checkOf(service, instance, "passing", "alive"), Node: nodeOf(service, instance) }],
      }),
    async deregister(service, instance) {
      await consul.put("/catalog/deregister", { Node: nodeOf(service, instance), ServiceID: `${service}-${instance}` });
    },
    check: (service, instance, status, output) =>
      write(service, instance, { Check: { ...checkOf(service, instance, status, output), Node: nodeOf(service, instance) } }),
    close: () => consul.close(),
  };
  return population;
}
