/** A control plane that comes back while Consul is away: by what it kept it is spoken to by TLS, and tells nobody anything new. */
import { readFile } from "node:fs/promises";
import { type ControlPlaneProcess, openSandbox, type Sandbox, startConsul, startControlPlane, until } from "@legation/local";
import { afterEach, expect, it } from "vitest";
import { consulVersions, limitMs } from "./fixture.js";
import { leafOf, startXdsEnvoy, type XdsEnvoy } from "./xds-envoy.js";

let sandbox: Sandbox | undefined;
afterEach(async () => {
  const { survivors } = (await sandbox?.stop()) ?? { survivors: [] };
  expect(survivors).toEqual([]);
});

interface Dump {
  readonly configs: readonly Readonly<Record<string, unknown>>[];
}

/** What Envoy holds from xDS, with the versions: everything of its dump that has one. */
async function heldBy({ admin }: XdsEnvoy): Promise<string> {
  const { configs } = (await admin.configDump()) as Dump;
  return JSON.stringify(configs.filter((config) => JSON.stringify(config).includes("version_info")));
}

const sinceRestart = async (plane: ControlPlaneProcess, from: number) => (await readFile(plane.log, "utf8")).slice(from);

it.each(consulVersions.flatMap((version) => [[version, "frozen"] as const, [version, "killed"] as const]))(
  "with Consul %s %s, an Envoy that takes TLS alone connects again and is sent nothing",
  async (version, how) => {
    sandbox = openSandbox({ name: "restart-without-consul" });
    const consul = await startConsul(sandbox, { version, durable: true, config: { connect: { enabled: true } } });
    const answer = await fetch(`${consul.url}/v1/agent/service/register`, {
      method: "PUT",
      body: JSON.stringify({ ID: "stock-1", Name: "stock", Address: "127.0.0.1", Port: 80 }),
    });
    expect(answer.status).toBe(200);
    const plane = await startControlPlane(sandbox, { consul: consul.url, flags: ["--xds-plaintext", "off"] });
    await until(async () => (await readFile(plane.log, "utf8")).includes('"event":"tls.certificate"'), { what: "a certificate", limitMs });
    const { TrustDomain } = await consul.get<{ TrustDomain: string }>("/v1/agent/connect/ca/roots");
    const proxy = await startXdsEnvoy(sandbox, {
      ...{ name: "web", id: "legation-local/web-1", cluster: "web", service: "web", leaf: await leafOf(consul, "web"), xds: plane.xds },
      expects: `spiffe://${TrustDomain}/ns/default/dc/dc1/svc/legation-control-plane`,
    });
    await until(async () => ((await proxy.admin.clusters()).get("stock")?.length ?? 0) === 1, { what: "the endpoint of stock", limitMs });
    const kept = async (file: string, words: string) =>
      (await readFile(`${plane.stateDir}/${file}`, "utf8").catch(() => "")).includes(words);
    await until(() => kept("catalog.json", "stock-1"), { what: "the catalog to be kept", limitMs });
    await until(() => kept("own-leaf.json", "BEGIN"), { what: "the certificate to be kept", limitMs });
    const before = await heldBy(proxy);
    const connections = await connected(proxy);

    if (how === "frozen") await consul.freeze();
    else await consul.kill9();
    const from = (await readFile(plane.log, "utf8")).length;
    await plane.kill9();
    await plane.restart();
    await until(async () => (await sinceRestart(plane, from)).includes('"event":"tls.kept"'), { what: "the kept certificate", limitMs });
    const { proxies, resourcesSent } = await until(
      async (note) => {
        const status = await plane.get<{ proxies: { node: string }[]; resourcesSent: number }>("/api/proxies");
        note(status);
        // A stream that has not said yet whose it is has no name.
        return status.proxies.length === 1 && status.proxies[0]?.node !== "" && status;
      },
      { what: "the Envoy to be back", limitMs },
    );
    expect(proxies.map(({ node }) => node)).toEqual(["legation-local/web-1"]);
    expect(resourcesSent).toBe(0);
    expect(await connected(proxy)).toBe(connections + 1);
    expect(await heldBy(proxy)).toBe(before);

    if (how === "frozen") consul.thaw();
    else await consul.restart({ keepData: true });
    await until(async () => /"event":"tls\.(certificate|renewed)"/.test(await sinceRestart(plane, from)), {
      what: "Consul's own answer",
      limitMs: 2 * limitMs,
    });
    expect(await heldBy(proxy)).toBe(before);
  },
  240_000,
);

/** TLS handshakes with the control plane that succeeded. */
async function connected({ admin }: XdsEnvoy): Promise<number> {
  return (await admin.stats("^cluster.xds.ssl.handshake$"))["cluster.xds.ssl.handshake"] ?? 0;
}
