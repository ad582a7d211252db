/** The conformance target as a public suite uses it: a process with two addresses, states over HTTP, reads through gRPC's own client. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePorts } from "@legation/consul/testing";
import { TypeUrl } from "@legation/xds";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { AdsStream, variants } from "./stream.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { cluster, endpoint, listener, route } = TypeUrl;
const streams: AdsStream[] = [];
let target: ChildProcess;
let control = "";
let xdsPort = 0;
let lastNode = 0;

beforeAll(async () => {
  const { scripts } = JSON.parse(await readFile(`${root}package.json`, "utf8")) as { scripts: Record<string, string> };
  const [node, ...script] = (scripts["conformance-target"] ?? "").split(" ");
  expect(node).toBe("node");
  const [xds = 0, http = 0] = await freePorts(2);
  const args = [...script, "--xds-addr", `127.0.0.1:${xds}`, "--control-addr", `127.0.0.1:${http}`];
  target = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(createInterface({ input: target.stdout as NodeJS.ReadableStream }), "line")) as [string];
  expect(JSON.parse(line)).toEqual({ xds: `127.0.0.1:${xds}`, control: `127.0.0.1:${http}` });
  [xdsPort, control] = [xds, `http://127.0.0.1:${http}`];
});

afterEach(() => {
  for (const stream of streams.splice(0)) stream.close();
});

afterAll(async () => {
  if (target.exitCode !== null) return;
  const ended = once(target, "exit");
  target.kill("SIGTERM");
  expect((await ended)[0]).toBe(0);
});

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const response = await fetch(`${control}${path}`, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

async function done(method: string, path: string, body?: unknown): Promise<void> {
  expect(await ask(method, path, body)).toEqual({ status: 204, text: "" });
}

const clusterJson = (name: string, connectTimeout = "1s") => ({ "@type": cluster, name, connectTimeout });
const endpointJson = (clusterName: string) => ({ "@type": endpoint, clusterName });
const listenerJson = (name: string) => ({ "@type": listener, name });
const routeJson = (name: string, to: string) => ({
  "@type": route,
  name,
  virtualHosts: [{ name: "v", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: to } }] }],
});
const names = ({ messages }: { messages: ReadonlyMap<string, unknown> }) => [...messages.keys()].sort();

describe.each(variants)("the conformance target, read in the %s variant", (variant) => {
  const open = (node: string) => {
    const stream = new AdsStream(variant, xdsPort, node);
    streams.push(stream);
    return stream;
  };
  const freshNode = () => `${variant}-${++lastNode}`;

  it("lets a node that connects before it has a state wait for it, and no other node see it", async () => {
    const [early, other] = [freshNode(), freshNode()];
    const [stream, elsewhere] = [open(early), open(other)];
    stream.ask(cluster);
    elsewhere.ask(cluster);
    await done("PUT", `/nodes/${other}`, { version: "other", resources: [clusterJson("other")] });
    expect(names(await elsewhere.next())).toEqual(["other"]);
    expect(stream.unread).toBe(0);
    await done("PUT", `/nodes/${early}`, { version: "1", resources: [clusterJson("a"), clusterJson("b")] });
    const first = await stream.next();
    expect([first.version, names(first), first.removed]).toEqual(["1", ["a", "b"], []]);
    expect(elsewhere.unread).toBe(0);
  });

  it("replaces the whole state, with the version as it is given", async () => {
    const node = freshNode();
    await done("PUT", `/nodes/${node}`, { version: "v one", resources: [clusterJson("a"), clusterJson("b")] });
    const stream = open(node);
    stream.ask(cluster);
    expect(await stream.next()).toMatchObject({ version: "v one" });
    await done("PUT", `/nodes/${node}`, { version: "2", resources: [clusterJson("b"), clusterJson("c")] });
    const changed = await stream.next();
    expect(changed.version).toBe("2");
    expect(names(changed)).toEqual(["b", "c"]);
    if (variant === "delta") expect(changed.removed).toEqual(["a"]);
  });

  it("takes other content under an equal version for a change", async () => {
    const node = freshNode();
    await done("PUT", `/nodes/${node}`, { version: "1", resources: [clusterJson("a", "1s")] });
    const stream = open(node);
    stream.ask(cluster);
    await stream.next();
    await done("PUT", `/nodes/${node}`, { version: "1", resources: [clusterJson("a", "7s")] });
    const changed = await stream.next();
    expect(changed.version).toBe("1");
    expect(changed.messages.get("a")).toMatchObject({ connectTimeout: { seconds: 7n } });
  });

  it("adds, replaces and removes one resource", async () => {
    const node = freshNode();
    await done("PUT", `/nodes/${node}`, { version: "1", resources: [endpointJson("a")] });
    const stream = open(node);
    stream.ask(cluster);
    expect(names(await stream.next())).toEqual([]);
    await done("PUT", `/nodes/${node}/resources`, { version: "2", resource: clusterJson("a") });
    expect(await stream.next()).toMatchObject({ version: "2" });
    await done("PUT", `/nodes/${node}/resources`, { version: "3", resource: clusterJson("a", "9s") });
    expect((await stream.next()).messages.get("a")).toMatchObject({ connectTimeout: { seconds: 9n } });
    await done("DELETE", `/nodes/${node}/resources?type_url=${encodeURIComponent(cluster)}&name=a&version=4`);
    const removed = await stream.next();
    expect([removed.version, names(removed)]).toEqual(["4", []]);
    if (variant === "delta") expect(removed.removed).toEqual(["a"]);
    stream.ask(endpoint, ["a"]);
    expect(names(await stream.next())).toEqual(["a"]);
  });

  it("makes a node's state of a single resource, when it has none yet", async () => {
    const node = freshNode();
    const stream = open(node);
    stream.ask(cluster);
    await done("PUT", `/nodes/${node}/resources`, { version: "1", resource: clusterJson("first") });
    const first = await stream.next();
    expect([first.version, names(first)]).toEqual(["1", ["first"]]);
  });

  it("serves an inconsistent state as it is: no check of references, no pruning, nothing made up", async () => {
    const node = freshNode();
    const resources = [clusterJson("without-endpoints"), endpointJson("without-cluster"), listenerJson("l"), routeJson("r", "nowhere")];
    await done("PUT", `/nodes/${node}`, { version: "1", resources });
    const stream = open(node);
    const wanted: [string, string[], string[]][] = [
      [cluster, [], ["without-endpoints"]],
      [endpoint, ["without-cluster"], ["without-cluster"]],
      [listener, [], ["l"]],
      [route, ["r"], ["r"]],
    ];
    for (const [typeUrl, asked, expected] of wanted) {
      stream.ask(typeUrl, asked);
      const response = await stream.next();
      expect([response.typeUrl, names(response)]).toEqual([typeUrl, expected]);
    }
    if (variant === "delta") {
      stream.ask(endpoint, ["without-endpoints"]);
      expect((await stream.next()).removed).toEqual(["without-endpoints"]);
    }
  });

  it("clears a node: its clients are told, and one that connects after that waits for a new state", async () => {
    const node = freshNode();
    await done("PUT", `/nodes/${node}`, { version: "1", resources: [clusterJson("a")] });
    const stream = open(node);
    stream.ask(cluster);
    await stream.next();
    await done("DELETE", `/nodes/${node}`);
    const cleared = await stream.next();
    expect(names(cleared)).toEqual([]);
    if (variant === "delta") expect(cleared.removed).toEqual(["a"]);
    const late = open(node);
    late.ask(cluster);
    await done("PUT", `/nodes/${node}`, { version: "2", resources: [clusterJson("b")] });
    for (const each of [stream, late]) {
      const again = await each.next();
      expect([again.version, names(again)]).toEqual(["2", ["b"]]);
    }
  });
});

it("says which address it cannot have, and by which flag to choose another, and ends", async () => {
  const args = ["test/dist/conformance/target.js", "--xds-addr", "127.0.0.1:0", "--control-addr", control.replace("http://", "")];
  const second = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  let text = "";
  second.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = await once(second, "close");
  expect(code).toBe(1);
  expect(text).toMatch(/^port \d+ is in use.*--control-addr/s);
  expect(text).not.toContain("node:internal");
});

describe("the conformance target's control address", () => {
  it.each<[string, string, string, unknown, RegExp]>([
    ["a body that is no JSON", "PUT", "/nodes/n", "{", /the body is no JSON object/],
    ["a body that is no object", "PUT", "/nodes/n", "[]", /the body is no JSON object/],
    ["no list of resources", "PUT", "/nodes/n", { version: "1" }, /"resources" must be a list of Any/],
    [
      "a resource of an unknown type",
      "PUT",
      "/nodes/n/resources",
      { version: "1", resource: { "@type": "type.googleapis.com/x.Y" } },
      /x\.Y/,
    ],
    ["no resource", "PUT", "/nodes/n/resources", { version: "1" }, /resource/],
    ["no word on which resource to remove", "DELETE", "/nodes/n/resources", undefined, /type_url/],
    ["a path without a node", "PUT", "/nodes", { version: "1", resources: [] }, /usage/],
    ["another path", "GET", "/", undefined, /usage/],
    ["another method", "POST", "/nodes/n", { version: "1", resources: [] }, /usage/],
    ["a path that cannot be decoded", "DELETE", "/nodes/%ff", undefined, /usage|URI/],
  ])("refuses %s, and says why", async (_, method, path, body, reason) => {
    const { status, text } = await ask(method, path, body);
    expect(status).toBe(400);
    expect(text).toMatch(reason);
  });
});
