/** A Unix datagram socket such as systemd's: it tells what was sent to it. */
import { spawn } from "node:child_process";
import { until } from "./until.js";

/** A bound socket. */
export interface NotifySocket {
  /** The messages so far, each on one line. */
  received(): string[];
  close(): Promise<void>;
}

const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace("@", "\\0", 1))
print("bound", flush=True)
while True: print(s.recv(4096).decode().replace("\\n", " ").strip(), flush=True)`;

/** Binds it; `@` at the beginning names an address in the abstract space. */
export async function bindNotifySocket(address: string): Promise<NotifySocket> {
  const child = spawn("python3", ["-c", script, address], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let out = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  await until("the socket is bound", () => out.startsWith("bound"));
  return {
    received: () =>
      out
        .trim()
        .split("\n")
        .slice(1)
        // systemd-notify waits until its message was taken, by a message of its own.
        .filter((line) => line !== "BARRIER=1"),
    async close() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
