import { expect, it } from "vitest";
import type { AgentSignal } from "../signals.js";
import { untilStopped } from "./until-stopped.js";

function scene() {
  const told: string[] = [];
  let left: (code: number) => void = () => {};
  const leaving = new Promise<number>((resolve) => {
    left = resolve;
  });
  const say =
    <T>(what: string, answer: T | Promise<T>) =>
    async (): Promise<T> => {
      told.push(what);
      return await answer;
    };
  const fleet = { stop: say("fleet leaves", leaving), letGo: say("fleet let go", 0) };
  const containers = { stop: say<void>("containers leave", undefined), letGo: () => void told.push("containers let go") };
  let signal: (signal: AgentSignal) => void = () => {};
  const deliver = (to: typeof signal): void => {
    signal = to;
  };
  const code = untilStopped({ fleet, containers, reload: say<void>("reload", undefined) }, { deliver });
  return { told, left: (value: number) => left(value), signal: (name: AgentSignal) => signal(name), code };
}

it("leaves with the containers last, which nothing lets go of on the way", async () => {
  const { told, left, signal, code } = scene();
  signal("SIGHUP");
  signal("SIGTERM");
  signal("SIGUSR2");
  signal("SIGTERM");
  left(7);
  expect(await code).toBe(7);
  expect(told).toEqual(["reload", "fleet leaves", "fleet leaves", "containers leave"]);
});

it("lets go of all, and takes nothing out of service after that", async () => {
  const { told, signal, code } = scene();
  signal("SIGUSR2");
  signal("SIGTERM");
  expect(await code).toBe(0);
  expect(told).toEqual(["containers let go", "fleet let go"]);
});
