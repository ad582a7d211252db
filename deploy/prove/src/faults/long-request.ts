/** Requests that run longer than the drain limit and the service's stop time together: on the instance that leaves they may be cut. */
import { httpSender, type Outcome, type Sender } from "@legation/local";
import type { Fault } from "../fault.js";
import { drainLimit, type Fleet, stopTimeout } from "../fleet.js";
import { http2Sender } from "../load/http2-sender.js";
import { openStream } from "../load/open-stream.js";
import { PricesClient } from "../prices.js";
import { type LongRequest, outcomeOf, settle } from "../scene.js";

/** Of each kind; balancing gives each instance about a third. */
const perKind = 6;
const lastsMs = drainLimit + 2 * stopTimeout;
const timeoutMs = 30_000;

export const longRequest: Fault = {
  name: "long-request",
  step: "4",
  title: "requests outlive the drain limit",
  async play(scene) {
    const sent = sendLong(scene.fleet);
    await settle(300);
    const leaving = await scene.leave();
    const [first] = await leaving.left([0, 137]);
    scene.note(`step 4: ${outcomeOf(first, "4")}`);
    scene.countLong(await sent);
    await scene.arrive();
  },
};

async function sendLong({ caller }: Fleet): Promise<LongRequest[]> {
  const path = `/?ms=${lastsMs}`;
  const url = caller.outbound;
  const prices = new PricesClient(url.replace("http://", ""), { "grpc.default_authority": "prices" });
  const senders: [string, Sender][] = [
    ["HTTP/1.1", httpSender({ url: url + path, method: "POST", headers: { host: "orders" }, timeoutMs })],
    ["HTTP/2", http2Sender({ url, authority: "stock", path, method: "POST", timeoutMs })],
    ["gRPC streams", { send: () => holdStream(prices), close: () => prices.close() }],
  ];
  const sent = senders.flatMap(([kind, sender]) => Array.from({ length: perKind }, async () => ({ kind, ...cutOf(await sender.send()) })));
  const outcomes = await Promise.all(sent);
  for (const [, sender] of senders) sender.close();
  return outcomes;
}

/** A stream with one message, which its caller ends only after the time. */
async function holdStream(prices: PricesClient): Promise<Outcome> {
  const stream = openStream(prices.watch(), timeoutMs);
  const answer = stream.send();
  const timer = setTimeout(() => stream.end(), lastsMs);
  const { ok, reason } = await stream.ended;
  clearTimeout(timer);
  return ok ? answer : { ok: false, reason };
}

function cutOf(outcome: Outcome): { cut: boolean; reason: string } {
  return outcome.ok ? { cut: false, reason: "" } : { cut: true, reason: outcome.reason };
}
