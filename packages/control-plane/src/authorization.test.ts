import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { connect as connectPlain, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { type CaLeaf, type CaRoots, createConsul, intentionsPath } from "@legation/consul";
import {
  type ConsulServer,
  createTestIntentions,
  freePorts,
  newestConsul,
  startConsulServer,
  type TestIntentions,
  type WrittenIntention,
} from "@legation/consul/testing";
import { certificateFiles, deniedCallMark, type NodeMetadata, type Protocol } from "@legation/contract";
import { type CallRequest, decide } from "@legation/mesh";
import { createLifecycle, createLogger, loadConfig, systemClock } from "@legation/runtime";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { controlPlaneOptions } from "./config.js";
import { startControlPlane } from "./control-plane.js";
import { parseIntentions } from "./sources/intention-rows.js";
import { anyPermission, anyRequest } from "./testing/any-permission.js";
import { type Envoy, startEnvoy } from "./testing/envoy.js";
import { until } from "./testing/until.js";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

interface Answer {
  readonly status: number;
  readonly body: string;
}

let consul: ConsulServer;
let intentions: TestIntentions;
let dir: string;
let http: string;
let roots: CaRoots;
const ends: (() => unknown)[] = [];
const leaves = new Map<string, CaLeaf>();
/** By the service that answers there. */
const envoys = new Map<string, { readonly envoy: Envoy; readonly inbound: number }>();

beforeAll(async () => {
  consul = await startConsulServer({ version: newestConsul(), config: { default_intention_policy: "deny" } });
  ends.push(() => consul.stop());
  intentions = createTestIntentions(consul);
  dir = await mkdtemp(join(tmpdir(), "legation-authorization-"));
  ends.push(() => rm(dir, { recursive: true, force: true }));
  const client = createConsul({ address: consul.url });
  ends.push(() => client.close());
  roots = (await client.get<CaRoots>("/agent/connect/ca/roots")).data;
  const names = ["web", "admin", "orders", "shadowed", "bytes", "late"];
  for (const name of names) leaves.set(name, (await client.get<CaLeaf>(`/agent/connect/ca/leaf/${name}`)).data);
  await mkdir(join(dir, "policies"));
  await writeFile(join(dir, "policies", "mesh.yaml"), "apiVersion: legation/v1\nkind: Identity\nname: mesh\nmode: strict\n");
  const shadow = "apiVersion: legation/v1\nkind: Identity\nname: shadowed\nservice: shadowed\nauthorization: shadow\n";
  await writeFile(join(dir, "policies", "shadowed.yaml"), shadow);

  const ready = await startOver();
  ends.push(() => stopControlPlane());
  http = ready.http;

  const app = createServer((asked, answer) => answer.end(`the application has ${asked.url}`));
  const speaksFirst = createTcpServer((socket) => {
    socket.on("error", () => undefined);
    socket.write("welcome\n");
  });
  for (const [name, server] of [
    ["orders", app],
    ["shadowed", app],
    ["bytes", speaksFirst],
  ] as const) {
    await listening(server);
    await startCallee(name, portOf(server), name === "bytes" ? "tcp" : "http", ready.xds, roots);
  }
});
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

let stopControlPlane: () => Promise<unknown> = async () => undefined;

/** Starts the control plane on the state that the one before has left. */
async function startOver() {
  await stopControlPlane();
  const log = createLogger({ name: "test", level: "silent" });
  const lifecycle = createLifecycle(log);
  stopControlPlane = () => lifecycle.stop("the test is over");
  const argv = [
    "--xds-addr",
    "127.0.0.1:0",
    "--http-addr",
    "127.0.0.1:0",
    "--consul-addr",
    consul.url,
    "--policies",
    join(dir, "policies"),
  ];
  const { values: config } = loadConfig(controlPlaneOptions, { argv });
  return startControlPlane({ config, stateDir: join(dir, "state"), clock: systemClock, log, lifecycle });
}

async function listening(server: Server): Promise<void> {
  if (server.listening) return;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  ends.push(() => server.close());
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

async function startCallee(service: string, app: number, protocol: Protocol, xds: string, roots: CaRoots): Promise<void> {
  const certificates = join(dir, service);
  await mkdir(certificates);
  const leaf = leaves.get(service);
  const files = { leaf: leaf?.CertPEM, key: leaf?.PrivateKeyPEM, roots: roots.Roots?.map(({ RootCert }) => RootCert).join("") };
  for (const [file, text] of Object.entries(files)) await writeFile(join(certificates, certificateFiles[file as "leaf"]), text ?? "");
  const [inbound = 0, outbound = 0] = await freePorts(2);
  const at = (port: number) => `127.0.0.1:${port}`;
  const metadata: NodeMetadata = {
    ...{ api: 1, service, kind: "sidecar", protocol, certificates, dependencies: [] },
    ...{ inbound: at(inbound), outbound: at(outbound), app: at(app) },
  };
  const envoy = await startEnvoy({ id: `n1/${service}`, metadata, xds });
  ends.push(() => envoy.stop());
  await until(`${service}'s inbound listener`, () => answers(inbound));
  envoys.set(service, { envoy, inbound });
}

/** Envoy lists a listener before it takes connections. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectPlain(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** A caller that shows a service's certificate; its connections stay open. */
function caller(service: string) {
  const leaf = leaves.get(service);
  const shown = { cert: leaf?.CertPEM, key: leaf?.PrivateKeyPEM, rejectUnauthorized: false, host: "127.0.0.1" };
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  ends.push(() => agent.destroy());
  return {
    call(to: string, { path = "/", method = "GET", headers = {} }: CallRequest = {}): Promise<Answer> {
      return new Promise((resolve, reject) => {
        const port = envoys.get(to)?.inbound;
        const sent = request({ ...shown, agent, port, path, method, headers }, (response: IncomingMessage) => {
          let body = "";
          response.on("data", (chunk) => {
            body += String(chunk);
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body: body.trim() }));
        });
        sent.on("error", reject);
        sent.end();
      });
    },
    /** A connection that sends `text` and stays. */
    open(to: string, text: string) {
      let got = "";
      const socket = connect({ ...shown, port: envoys.get(to)?.inbound }, () => socket.write(text));
      socket.on("data", (chunk) => {
        got += String(chunk);
      });
      socket.on("error", () => undefined);
      ends.push(() => socket.destroy());
      return { got: () => got, isOpen: () => socket.readyState === "open", close: () => socket.destroy() };
    },
    /** What comes back on a connection that sends `text`, until the other side closes it or `enough` has come. */
    connect(to: string, text: string, enough: string): Promise<string> {
      return new Promise((resolve) => {
        let got = "";
        const socket = connect({ ...shown, port: envoys.get(to)?.inbound }, () => text && socket.write(text));
        socket.on("data", (chunk) => {
          got += String(chunk);
          if (got.includes(enough)) socket.destroy();
        });
        socket.on("error", () => undefined);
        socket.on("close", () => resolve(got));
      });
    },
  };
}

const refused = (rule: string) => `legation: denied by intention (rbac_access_denied_matched_policy[${rule}])`;
const settled = (what: string, condition: () => Promise<boolean>) => until(what, condition);

test("the default refuses with the rule's name, and an intention lets its caller through and nobody else", async () => {
  const [web, admin] = [caller("web"), caller("admin")];
  expect(await web.call("orders")).toEqual({ status: 403, body: refused("default") });
  await intentions.replace([{ source: "web", destination: "orders", rule: "allow" }]);
  await settled("web to be let through", async () => (await web.call("orders")).status === 200);
  expect(await admin.call("orders")).toEqual({ status: 403, body: refused("default") });
  await intentions.replace([
    { source: "web", destination: "orders", rule: "deny" },
    { source: "*", destination: "orders", rule: "allow" },
  ]);
  await settled("admin to be let through", async () => (await admin.call("orders")).status === 200);
  expect(await web.call("orders")).toEqual({ status: 403, body: refused("web=>orders") });
  expect((await envoys.get("orders")?.envoy.stats(/intentions\.policy\.web=>orders\.denied/)) ?? {}).toEqual({
    "http.inbound.rbac.intentions.policy.web=>orders.denied": 1,
  });
});

test("a change holds for the next request of connections that are open, within a second, and under load fails no request of others", async () => {
  const [web, admin] = [caller("web"), caller("admin")];
  const allowed: WrittenIntention[] = [{ source: "web", destination: "orders", rule: "allow" }];
  await intentions.replace(allowed);
  await settled("web to be let through", async () => (await web.call("orders")).status === 200);
  const seen: Answer[] = [];
  let isOver = false;
  const load = (async () => {
    while (!isOver) seen.push(...(await Promise.all([web.call("orders"), web.call("orders")])));
  })();
  const took: number[] = [];
  for (const rule of ["allow", "deny", "allow", "deny"] as const) {
    const begin = performance.now();
    await intentions.replace([...allowed, { source: "admin", destination: "orders", rule }]);
    await settled(`admin to be under ${rule}`, async () => (await admin.call("orders")).status === (rule === "allow" ? 200 : 403));
    took.push(performance.now() - begin);
  }
  isOver = true;
  await load;
  expect(seen.filter(({ status }) => status !== 200)).toEqual([]);
  expect(seen.length).toBeGreaterThan(20);
  expect(Math.min(...took)).toBeLessThan(1_000);
  expect(await envoys.get("orders")?.envoy.stats(/^listener_manager\.listener_(modified|in_place_updated)$/)).toEqual({
    "listener_manager.listener_in_place_updated": 0,
    "listener_manager.listener_modified": 0,
  });
});

test("the API says what would become of a call and by which rule, and lists what Consul has", async () => {
  const api = async (path: string) => (await fetch(`${http}/api/intentions${path}`)).json();
  await intentions.replace([
    {
      source: "web",
      destination: "orders",
      rule: [{ Action: "allow", HTTP: { PathPrefix: "/a", Methods: ["POST"], Header: [{ Name: "x-role", Exact: "boss" }] } }],
    },
    { source: "*", destination: "shadowed", rule: "allow" },
  ]);
  const listed = async () => ((await api("")) as { intentions: { name: string }[] }).intentions.map(({ name }) => name);
  await settled("the list", async () => (await listed()).join(" ") === "web=>orders *=>shadowed");
  expect(await api("")).toMatchObject({
    default: "deny",
    intentions: [
      { name: "web=>orders", precedence: 9 },
      { name: "*=>shadowed", rule: "allow" },
    ],
  });
  expect(await api("/check?from=web&to=orders&path=/a%3Fx&method=post&header=X-Role:%20boss")).toEqual({
    ...{ from: "web", to: "orders", verdict: "allow", rule: "web=>orders#1", authorization: "enforce" },
    reason: "permission 1 of intention web=>orders says allow",
  });
  expect(await api("/check?from=web&to=orders&path=/a")).toMatchObject({ verdict: "deny", rule: "web=>orders#default" });
  expect(await api("/check?from=web&to=orders")).toMatchObject({ verdict: "deny", rule: "web=>orders" });
  expect(await api("/check?from=admin&to=shadowed")).toMatchObject({ verdict: "allow", rule: "*=>shadowed", authorization: "shadow" });
  expect(await api("/check?from=admin")).toMatchObject({ status: 400 });
});

test("a path that only looks like another is judged, and reaches the application, as what it is", async () => {
  const rule = [
    { Action: "deny", HTTP: { PathPrefix: "/admin" } },
    { Action: "allow", HTTP: { PathPrefix: "/" } },
  ];
  await intentions.replace([{ source: "web", destination: "orders", rule }]);
  const web = caller("web");
  await settled("the rule", async () => (await web.call("orders", { path: "/admin" })).body === refused("web=>orders#1"));
  for (const path of ["/x/../admin", "/./admin", "/%61dmin"])
    expect([path, await web.call("orders", { path })]).toEqual([path, { status: 403, body: refused("web=>orders#1") }]);
  expect(await web.call("orders", { path: "/x/../a?b=../c" })).toEqual({ status: 200, body: "the application has /a?b=../c" });
});

test("in shadow everything passes, and what would be refused is counted by its rule", async () => {
  await intentions.replace([{ source: "web", destination: "shadowed", rule: "deny" }]);
  const web = caller("web");
  await settled("the rule to count", async () => {
    expect((await web.call("shadowed")).status).toBe(200);
    return Object.keys((await envoys.get("shadowed")?.envoy.stats(/policy\.web=>shadowed\.shadow_denied/)) ?? {}).length > 0;
  });
});

test("Envoy refuses the same requests as `decide`, by the same rule, for random permissions", async () => {
  const web = caller("web");
  const sides = { allow: 0, deny: 0 };
  let round = 0;
  const property = fc.asyncProperty(
    fc.array(anyPermission, { minLength: 1, maxLength: 4 }),
    fc.array(anyRequest, { minLength: 8, maxLength: 8 }),
    async (rows, calls) => {
      const mark = `/mark-${++round}`;
      const marked = { Action: "deny", HTTP: { PathExact: mark } };
      await intentions.replace([{ source: "web", destination: "orders", rule: [marked, ...rows] }]);
      const written = parseIntentions(await (await fetch(`${consul.url}/v1${intentionsPath}`)).json()).intentions;
      const own = (request: CallRequest) =>
        decide(written, "deny", { from: { namespace: "default", name: "web" }, to: { namespace: "default", name: "orders" }, request });
      // The first permission of each set matches what no other set's does: by its answer it is known which one Envoy follows now.
      const { rule } = own({ path: mark });
      expect(rule).toBe("web=>orders#1");
      await settled(`Envoy to have set ${round}`, async () => (await web.call("orders", { path: mark })).body === refused(rule));
      for (const request of calls) {
        const decision = own(request);
        sides[decision.verdict]++;
        const { status, body } = await web.call("orders", request);
        const expected = decision.verdict === "allow" ? [200, `the application has ${request.path}`] : [403, refused(decision.rule)];
        expect([JSON.stringify(request), status, body]).toEqual([JSON.stringify(request), ...expected]);
      }
    },
  );
  await fc.assert(property, { numRuns: 80 });
  expect(sides.allow).toBeGreaterThan(20);
  expect(sides.deny).toBeGreaterThan(20);
});

test("where only some may call, others of a service that speaks first get no byte of it, and those that may keep their connections", async () => {
  const [web, admin] = [caller("web"), caller("admin")];
  const refusals = async () => {
    const stats = (await envoys.get("bytes")?.envoy.stats(/^listener\..*\.ssl\.fail_verify_san$/)) ?? {};
    return Object.values(stats).reduce((sum, count) => sum + count, 0);
  };
  const isLetIn = async (who: ReturnType<typeof caller>) => (await who.connect("bytes", "", "welcome")) === "welcome\n";
  await intentions.replace([]);
  await settled("nobody to be let in", async () => !(await isLetIn(web)));
  const took: number[] = [];
  for (let round = 0; round < 3; round++) {
    const begin = performance.now();
    await intentions.replace([{ source: "web", destination: "bytes", rule: "allow" }]);
    await settled("web to be let in", () => isLetIn(web));
    took.push(performance.now() - begin);
    const before = await refusals();
    expect(await admin.connect("bytes", "hello", "never said")).toBe("");
    await settled("the refusal to be counted", async () => (await refusals()) > before);
    const open = web.open("bytes", "hello");
    await settled("the greeting", async () => open.got() === "welcome\n");
    await intentions.replace([]);
    await settled("web to be refused", async () => !(await isLetIn(web)));
    expect(await web.connect("bytes", "hello", "never said")).toBe("");
    expect(open.isOpen()).toBe(true);
    open.close();
  }
  expect(Math.min(...took)).toBeLessThan(1_000);
});

test("where only some may not call TCP, they are refused at their first bytes, by name, and others are not", async () => {
  const [web, admin] = [caller("web"), caller("admin")];
  await intentions.replace([
    { source: "admin", destination: "bytes", rule: "deny" },
    { source: "*", destination: "bytes", rule: "allow" },
  ]);
  await settled("web to be let through", async () => (await web.connect("bytes", "hello", "welcome")).includes("welcome"));
  const denied = async () => (await envoys.get("bytes")?.envoy.stats(/^intentions\.rbac\.denied$/))?.["intentions.rbac.denied"] ?? 0;
  const before = await denied();
  await admin.connect("bytes", "hello", "never said");
  // What the intentions before have refused may stand there as well.
  const line = () =>
    envoys
      .get("bytes")
      ?.envoy.output()
      .split("\n")
      .find((said) => said.includes("/svc/admin") && said.includes("[admin=>bytes]"));
  await settled("the line", async () => line() !== undefined);
  expect(JSON.parse(line() ?? "")).toMatchObject({
    legation: deniedCallMark,
    termination: "rbac_access_denied_matched_policy[admin=>bytes]",
  });
  expect(await denied()).toBe(before + 1);
});

test("each refusal is a line of its own on Envoy's output, with caller, callee and rule, and no other call is", async () => {
  await intentions.replace([
    {
      source: "web",
      destination: "orders",
      rule: [
        { Action: "deny", HTTP: { PathPrefix: "/logged" } },
        { Action: "allow", HTTP: { PathPrefix: "/" } },
      ],
    },
    {
      source: "web",
      destination: "shadowed",
      rule: [
        { Action: "deny", HTTP: { PathPrefix: "/logged" } },
        { Action: "allow", HTTP: { PathPrefix: "/" } },
      ],
    },
  ]);
  const web = caller("web");
  await settled("the rule", async () => (await web.call("orders", { path: "/logged" })).body === refused("web=>orders#1"));
  await web.call("orders", { path: "/passed" });
  const lines = (to: string) =>
    (envoys.get(to)?.envoy.output() ?? "").split("\n").flatMap((line) => (line.includes("/logged") ? [JSON.parse(line)] : []));
  const named = (to: string) => ({
    caller: expect.stringMatching(/\/svc\/web$/),
    callee: expect.stringMatching(new RegExp(`/svc/${to}$`)),
  });
  // While the rule was on its way, another one may have refused.
  const ruled = () => lines("orders").find(({ rule }) => rule === "web=>orders#1");
  await settled("the line", async () => ruled() !== undefined);
  expect(ruled()).toMatchObject({
    legation: deniedCallMark,
    ...named("orders"),
    rule: "web=>orders#1",
    shadow: null,
    method: "GET",
  });
  const shadowed = () => lines("shadowed").find(({ shadow }) => shadow === "web=>shadowed#1");
  await settled("the line of shadow", async () => {
    expect((await web.call("shadowed", { path: "/logged" })).status).toBe(200);
    return shadowed() !== undefined;
  });
  expect(shadowed()).toMatchObject({ legation: deniedCallMark, ...named("shadowed"), rule: null, shadow: "web=>shadowed#1" });
  expect(envoys.get("orders")?.envoy.output()).not.toContain("/passed");
});

test("a control plane that starts while Consul is away gives a new proxy the last known rules", async () => {
  const api = async () => (await (await fetch(`${http}/api/intentions`)).json()) as { intentions: { name: string }[] };
  await intentions.replace([{ source: "web", destination: "late", rule: "allow" }]);
  await settled("the list", async () => (await api()).intentions[0]?.name === "web=>late");
  await consul.kill();
  const { xds } = await startOver();
  const app = createServer((_asked, answer) => answer.end("late"));
  await listening(app);
  await startCallee("late", portOf(app), "http", xds, roots);
  const web = caller("web");
  await settled("the new proxy to serve", async () => (await web.call("late")).body === "late");
  expect(await caller("admin").call("late")).toEqual({ status: 403, body: refused("default") });
});
