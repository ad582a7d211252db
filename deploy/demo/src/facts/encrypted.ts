/**
 * Calls between services are mutual TLS: counted by the Envoys, and plain text is tried by hand. Under permissive a caller's connection that was
 * opened in plain text stays so until it ends; under strict there is none left.
 */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { callsBetween, identityOf } from "../identity-look.js";
import { count } from "../view.js";
import { type Fact, hold } from "./fact.js";

const measureMs = 5_000;

export const encrypted: Fact = {
  title: "calls between services are mutual TLS",
  async observe({ shop }) {
    const running = shop.instances();
    const isStrict = shop.identity === "strict";
    const before = await identityOf(running);
    await sleep(measureMs);
    const { all, tls, active } = callsBetween(before, await identityOf(running));
    const answers = await Promise.all(running.map(({ inbound }) => takesPlainText(inbound)));
    const [open, shouldBe] = [answers.filter(Boolean).length, isStrict ? 0 : running.length];
    const seen = `${count(Math.min(tls, all))} of ${count(all)} calls in ${measureMs / 1_000} s by the Envoys' count; plain text is answered by ${open} of ${running.length}`;
    hold(tls > 0 && (!isStrict || tls >= all - active) && open === shouldBe, seen);
    return seen;
  },
};

/** Whether an Envoy answers plain text: with anything, before it closes the connection. */
function takesPlainText(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => void socket.write("GET / HTTP/1.1\r\nhost: web\r\n\r\n"));
    socket.setTimeout(5_000, () => socket.destroy());
    socket.once("data", () => {
      resolve(true);
      socket.destroy();
    });
    socket.once("close", () => resolve(false));
    socket.on("error", () => resolve(false));
  });
}
