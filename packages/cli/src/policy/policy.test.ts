import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { contentHash, documentText, type PolicyDocument } from "@legation/mesh/policy";
import { afterEach, beforeEach, expect, test } from "vitest";
import { call } from "../testing/capture.js";
import { listening } from "../testing/listening.js";

let dir: string;
const servers: Server[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "legation-policy-"));
});
afterEach(async () => {
  rmSync(dir, { recursive: true, force: true });
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** In place of an answer: the connection ends. */
const noAnswer = {};

/** A control plane that answers every question with the next of `answers`, and notes what it was asked. */
async function plane(...answers: object[]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (part) => {
      body += part;
    });
    request.on("end", () => {
      asked.push(`${request.method} ${request.url} ${body}`);
      const answer = answers.shift();
      if (answer === noAnswer) request.socket.destroy();
      else response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  servers.push(server);
  return { api: await listening(server), asked };
}

const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};
const strict: PolicyDocument = { apiVersion: "legation/v1", kind: "Identity", name: "mesh", mode: "strict" };

test("check says what is right and what is wrong, offline", async () => {
  const good = file("good.yaml", JSON.stringify(strict));
  expect(await call(["policy", "check", "-f", good])).toEqual({ code: 0, out: "1 document in one file is right.\n", err: "" });
  const bad = file("bad.yaml", "apiVersion: legation/v1\nkind: Identity\nname: pay\nmode: stict\n");
  const { code, out } = await call(["policy", "check", "-f", bad, "--json"]);
  expect([code, JSON.parse(out)]).toEqual([
    1,
    { documents: [], warnings: [], problems: [expect.stringContaining(`${bad}:4: Identity/pay: mode: "stict"`)] },
  ]);
  expect(await call(["policy", "check", "-f", join(dir, "none.yaml")])).toMatchObject({ code: 2, err: expect.stringContaining("ENOENT") });
});

test("what is right and odd is told, and changes no exit code", async () => {
  const odd = file("odd.yaml", "apiVersion: legation/v1\nkind: Service\nname: orders\ntimeouts: { request: 1s }\n");
  const warning = { code: "service-unknown", severity: "warning", document: "Service/orders", path: "name", message: "orders is nowhere" };
  const { code, out } = await call(["policy", "check", "-f", odd]);
  expect([code, out]).toEqual([
    0,
    expect.stringMatching(/^warning: Service\/orders: timeouts\.request: .*\n1 document in one file is right\.\n$/),
  ]);
  const { api, asked } = await plane({ warnings: [warning] }, { state: "unchanged", version: 1, bundle: null, warnings: [warning] });
  expect(await call(["policy", "check", "-f", odd, "--live", "--api", api, "--json"])).toMatchObject({
    code: 0,
    out: expect.stringContaining("orders is nowhere"),
  });
  expect(asked[0]).toMatch(/^POST \/api\/policies\/check .*"request":"1s"/);
  expect(await call(["policy", "apply", "-f", odd, "--api", api])).toMatchObject({
    code: 0,
    err: "warning: Service/orders: name: orders is nowhere (service-unknown)\n",
  });
});

test("the examples are right, all of them together, and odd in nothing", async () => {
  const examples = fileURLToPath(new URL("../../../../deploy/policies", import.meta.url));
  for (const directory of [examples, join(examples, "permissive"), join(examples, "strict")])
    expect(await call(["policy", "check", "-f", directory])).toMatchObject({ code: 0, out: expect.not.stringContaining("warning:") });
});

test("nothing that is wrong is sent, and a wrong word is told with the right one", async () => {
  const { api, asked } = await plane();
  const bad = file("bad.yaml", "kind: Identity\n");
  expect(await call(["policy", "apply", "-f", bad, "--api", api])).toMatchObject({ code: 2 });
  expect(asked).toEqual([]);
  expect(await call(["policy", "aply"])).toMatchObject({ code: 2, err: expect.stringContaining("Did you mean: legation policy apply") });
  expect((await call(["policy", "--help"])).out).toContain("rollback");
  expect((await call(["policy", "apply", "--help"])).out).toContain("--reason");
});

test("apply tells how far it is, and ends when every proxy of every replica has it", async () => {
  const one = { proxies: 5, live: 3, laggards: ["n/a", "n/b"], replicas: 2, inForce: 1, silent: [], refused: [] };
  const { api, asked } = await plane({ state: "accepted", bundle: "b", version: 7, changed: ["Identity/mesh"] }, one, {
    ...one,
    live: 5,
    laggards: [],
    inForce: 2,
  });
  const path = file("strict.yaml", JSON.stringify(strict));
  const { code, out, err } = await call(["policy", "apply", "-f", path, "--reason", "audit", "--author", "ann", "--api", api]);
  expect(code).toBe(0);
  expect(err).toBe("live on 3 of 5 proxies, in force at 1 of 2 control planes\n");
  expect(out).toMatch(
    /^Version 7 is accepted: Identity\/mesh\.\nLive on 5 of 5 proxies, in force at 2 of 2 control planes, in \d\.\d s\.\n$/,
  );
  expect(asked[0]).toBe(
    `POST /api/policies/apply ${JSON.stringify({ documents: [strict], replace: false, author: "ann", reason: "audit" })}`,
  );
});

test("a key is written for its owner alone, and never over another", async () => {
  const path = join(dir, "ann.key");
  const { out } = await call(["policy", "keygen", path]);
  expect(out).toMatch(/^key ann [A-Za-z0-9+/=]{60}\n$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const before = readFileSync(path, "utf8");
  expect(await call(["policy", "keygen", path])).toMatchObject({ code: 2, err: expect.stringContaining("EEXIST") });
  expect(readFileSync(path, "utf8")).toBe(before);
});

test("sign signs nothing else than what it shows", async () => {
  const key = join(dir, "ann.key");
  await call(["policy", "keygen", key]);
  const text = documentText(strict);
  const statement = {
    format: "legation-approval/1",
    mesh: "",
    sequence: 1,
    parent: null,
    documents: { "Identity/mesh": contentHash(text) },
  };
  const proposal = {
    id: "p",
    author: "",
    reason: "",
    changes: [{ document: "Identity/mesh", before: null, after: strict }],
    statement,
    guarded: [text],
  };
  const off = { ...strict, mode: "off" as const };
  for (const lie of [
    { statement: { ...statement, documents: { "Identity/mesh": contentHash(documentText(off)) } } },
    { guarded: [] },
    { changes: [{ document: "Identity/mesh", before: null, after: off }] },
    { guarded: [`${text}\n`], statement: { ...statement, documents: { "Identity/mesh": contentHash(`${text}\n`) } } },
  ]) {
    const { api, asked } = await plane({ ...proposal, ...lie });
    const { code, err } = await call(["policy", "sign", "p", "--key", key, "--api", api]);
    expect([code, asked.length]).toEqual([1, 1]);
    expect(err).toContain("nothing is signed");
  }
  const look = await plane(proposal);
  const shown = await call(["policy", "sign", "p", "--api", look.api]);
  expect([shown.code, look.asked.length]).toEqual([0, 1]);
  expect(shown.out).toContain(`approval 1 of the mesh ""`);
  expect(shown.out).toContain("Nothing is signed");
  const path = file("strict.yaml", text);
  const hidden = { ...proposal, changes: [], statement: { ...statement, documents: { "Identity/mesh": contentHash(documentText(off)) } } };
  const liar = await plane({ proposals: ["p"] }, { ...hidden, guarded: [documentText(off)] });
  expect(await call(["policy", "sign", "-f", path, "--key", key, "--api", liar.api])).toMatchObject({
    code: 1,
    err: expect.stringContaining("no proposal is for guarded documents that are all as in these files"),
  });
  expect(liar.asked).toHaveLength(2);
  const named = await plane({ proposals: ["p"] }, proposal, { signed: ["ann"], lacks: [] });
  expect(await call(["policy", "sign", "-f", path, "--key", key, "--api", named.api])).toMatchObject({ code: 0 });
  const { api, asked } = await plane(proposal, { signed: ["ann"], lacks: [] });
  const { code, out } = await call(["policy", "sign", "p", "--key", key, "--api", api]);
  expect([code, asked.length]).toEqual([0, 2]);
  expect(out).toContain(`Identity/mesh added\n  + mode: "strict"`);
  expect(out).toContain(text);
});

const canary = {
  ...{
    bundle: "b",
    version: 8,
    changed: ["Service/orders"],
    proxies: [{ node: "n1/web-1", service: "web" }],
    standing: "watched for 3 of 60 s",
  },
  ...{ state: "running", verdict: "", endedAt: null, startedAt: "2026-01-02T00:00:00.000Z" },
};
const inForce = { version: 7, author: "ann", at: "2026-01-01T00:00:00.000Z", reason: "" };
const listed = { origin: "store", bundle: inForce, documents: [], problem: null, proposals: [] };

test("list tells a canary as long as it is news, and what proxies refuse once for all resources that the same policies have spoilt", async () => {
  const refusal = {
    type: "listener",
    service: "web",
    policies: ["Service/web: accessLog.path"],
    documents: ["Service/web"],
    instead: "last-good",
  };
  const refused = {
    ...refusal,
    version: "1",
    node: "n1/web-1",
    message: "no file",
    since: "2026-01-02T00:00:00.000Z",
    text: "Service/web: …",
  };
  const ended = { ...canary, standing: null, state: "withdrawn", verdict: "no good", endedAt: "2026-01-03T00:00:00.000Z" };
  const { api } = await plane(
    { ...listed, canary, quarantined: [refused, { ...refused, name: "inbound" }] },
    { ...listed, canary: ended },
    { ...listed, bundle: { ...inForce, at: "2026-01-04T00:00:00.000Z" }, canary: ended },
  );
  const list = async () => (await call(["policy", "list", "--api", api])).out;
  const first = await list();
  expect(first).toContain("Canary of version 8 (Service/orders) on n1/web-1: it runs, watched for 3 of 60 s.\n");
  expect(first.match(/^Refused: .*$/gm)).toEqual(["Refused: Service/web: …. So it is with 1 more resource."]);
  expect(await list()).toContain("withdrawn 2026-01-03T00:00:00Z: no good.");
  expect(await list()).not.toContain("Canary");
});

test("apply --canary tells how it stands, and what became of it", async () => {
  const begun = { state: "canary", bundle: "b", version: 8, changed: ["Service/orders"] };
  const live = { proxies: 1, live: 1, laggards: [], replicas: 1, inForce: 1, silent: [], refused: [], quarantined: [] };
  const path = file("strict.yaml", JSON.stringify(strict));
  const apply = (api: string) => call(["policy", "apply", "-f", path, "--canary", "--canary-window", "5m", "--api", api]);
  const held = await plane(
    begun,
    { canary },
    noAnswer,
    { canary: { ...canary, state: "promoted", verdict: "errors held for 300 s" } },
    live,
  );
  const done = await apply(held.api);
  // A control plane that does not answer for a moment ends nothing.
  expect(done).toMatchObject({ code: 0, err: expect.stringMatching(/^watched for 3 of 60 s\nno control plane answers at .*\n$/) });
  expect(done.out).toMatch(/is a canary: Service\/orders\.\nIt held: errors held for 300 s\.\n[\s\S]*Live on 1 of 1 proxies/);
  expect(held.asked[0]).toContain('"canary":{"window":300,"requests":100,"limit":600}');
  const back = await plane(begun, { canary: { ...canary, state: "withdrawn", verdict: "requests fail" } });
  expect(await apply(back.api)).toMatchObject({ code: 1, out: expect.stringContaining("It went back: requests fail.") });
});
