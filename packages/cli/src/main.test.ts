import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const bin = fileURLToPath(new URL("../bin/legation.js", import.meta.url));

async function legation(...argv: string[]) {
  const child = spawn(process.execPath, [bin, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  const text = { out: "", err: "" };
  child.stdout.on("data", (part) => {
    text.out += part;
  });
  child.stderr.on("data", (part) => {
    text.err += part;
  });
  const [code] = (await once(child, "close")) as [number];
  return { code, ...text };
}

it("runs as a process: answers on stdout, complaints on stderr, exit codes for scripts", async () => {
  const [version, wrong, unreachable] = await Promise.all([
    legation("--version"),
    legation("servces"),
    legation("services", "--api", "127.0.0.1:1"),
  ]);
  expect(version).toEqual({ code: 0, out: expect.stringMatching(/^legation \d/), err: "" });
  expect(wrong).toEqual({ code: 2, out: "", err: "legation: servces is no command. Did you mean: legation services\n" });
  expect(unreachable).toMatchObject({ code: 3, out: "", err: expect.stringContaining("no control plane answers at http://127.0.0.1:1 ") });
});

it.each(["agent", "control-plane"])("shows the help of %s within 80 columns", async (command) => {
  const { code, out, err } = await legation(command, "--help");
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain(`legation ${command}`);
  expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

it("ends quietly when the reader of its answer has gone", async () => {
  const many = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, i) => [
      `service-${i}`,
      { protocol: "http", versions: [], dependencies: [], endpoints: { healthy: 1 }, problems: [] },
    ]),
  );
  const server = createServer((_request, response) => response.end(JSON.stringify({ services: many })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const child = spawn(process.execPath, [bin, "services", "--api", `127.0.0.1:${port}`], { stdio: ["ignore", "pipe", "pipe"] });
  const err: string[] = [];
  child.stderr.on("data", (part) => err.push(String(part)));
  child.stdout.once("data", () => child.stdout.destroy());
  const [code] = (await once(child, "close")) as [number];
  server.closeAllConnections();
  server.close();
  expect([code, err.join("")]).toEqual([0, ""]);
});
