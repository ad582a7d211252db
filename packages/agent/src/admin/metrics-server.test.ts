import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { freePorts } from "@legation/consul/testing";
import { expect, onTestFinished, test } from "vitest";
import { startMetricsServer } from "./metrics-server.js";

const contentType = "text/plain; version=0.0.4; charset=utf-8";

async function serve(metrics: () => Promise<string>): Promise<string> {
  const [port] = await freePorts(1);
  const server = await startMetricsServer(`127.0.0.1:${port}`, { contentType, metrics });
  onTestFinished(() => server.close());
  return `http://127.0.0.1:${port}`;
}

test("the metrics page is there, and nothing else of the API", async () => {
  const url = await serve(async () => "up 1\n");
  const page = await fetch(`${url}/metrics`);
  expect([page.status, page.headers.get("content-type"), await page.text()]).toEqual([200, contentType, "up 1\n"]);
  for (const path of ["/", "/status", "/v1/metrics", "/metricsx"]) expect((await fetch(url + path)).status).toBe(404);
  expect((await fetch(`${url}/metrics`, { method: "POST" })).status).toBe(404);
});

test("who asks while a page is made gets that page, and the next one a new page", async () => {
  const made: ((text: string) => void)[] = [];
  const [port] = await freePorts(1);
  let asked = 0;
  const page = { contentType, metrics: () => new Promise<string>((resolve) => made.push(resolve)) } as const;
  const server = await startMetricsServer(`127.0.0.1:${port}`, page, () => asked++);
  onTestFinished(() => server.close());
  const text = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const first = [text(), text()];
  await expect.poll(() => asked).toBe(2);
  expect(made).toHaveLength(1);
  made[0]?.("first\n");
  expect(await Promise.all(first)).toEqual(["first\n", "first\n"]);
  const next = text();
  await expect.poll(() => made.length).toBe(2);
  made[1]?.("second\n");
  expect(await next).toBe("second\n");
});

test("a page that cannot be made is an error that says why", async () => {
  const answer = await fetch(`${await serve(() => Promise.reject(new Error("the status cannot be read")))}/metrics`);
  expect([answer.status, await answer.text()]).toEqual([500, "the status cannot be read\n"]);
});

test("an address that is taken names the flag", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  await expect(startMetricsServer(`127.0.0.1:${port}`, { contentType, metrics: async () => "" })).rejects.toThrow("--metrics-addr");
});
