/** systemd's readiness protocol (sd_notify(3)), and what the agent says when it is process 1 of a container. */
import { execFile } from "node:child_process";
import type { Clock, Logger, Timer } from "@legation/runtime";

/** Sends variables to the service manager; resolves to undefined, or to why they could not be sent. */
export type Notify = (variables: readonly string[]) => Promise<string | undefined>;

/** The service manager of this process; without one every method does nothing. */
export interface ServiceManager {
  /** The instance serves: `systemctl start` returns. Sent once; later calls send the text alone. */
  ready(status: string): void;
  /** A line for `systemctl status`; sent when it is another one. */
  status(status: string): void;
  /** The configuration is read again; ends with the next `ready` or `status`. */
  reloading(): void;
  stopping(): void;
  /** Ends the signs of life; resolves when all messages are sent. */
  close(): Promise<void>;
}

/** What it takes. */
export interface ServiceManagerOptions {
  /** `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly notify?: Notify;
  readonly clock: Clock;
  readonly log: Logger;
}

const limitMs = 5_000;

/**
 * Node has no datagram sockets of the Unix kind, so that each message is sent by `systemd-notify`, which is there wherever systemd is. As the
 * sender is not the agent itself, the unit needs `NotifyAccess=all`.
 */
export function systemdNotify(env: Readonly<Record<string, string | undefined>>): Notify {
  return (variables) =>
    new Promise((resolve) => {
      const own = { PATH: env["PATH"], NOTIFY_SOCKET: env["NOTIFY_SOCKET"] };
      execFile("systemd-notify", [...variables], { env: own, timeout: limitMs }, (error) => resolve(error?.message.split("\n")[0]));
    });
}

/** The service manager that the environment names. A sign of life is sent at half the watchdog's time. */
export function connectServiceManager(options: ServiceManagerOptions): ServiceManager {
  const { env, pid, clock, log } = options;
  if (!env["NOTIFY_SOCKET"]) return { ready() {}, status() {}, reloading() {}, stopping() {}, close: async () => {} };
  const notify = options.notify ?? systemdNotify(env);
  let told: string | undefined;
  let isReady = false;
  /** systemd was told of a reload, and waits for its end. */
  let isReloading = false;
  let timer: Timer | undefined;
  let closed = false;
  // One after the other, so that they arrive in their order.
  let last: Promise<void> = Promise.resolve();
  let failed = false;
  const send = (...variables: string[]): void => {
    last = last.then(async () => {
      const problem = await notify(variables);
      if (problem !== undefined && !failed)
        log.error({ event: "agent.notify-failed", problem }, `systemd cannot be told: ${problem}. Is systemd-notify installed?`);
      failed = problem !== undefined;
    });
  };
  const watchdogMs = Number(env["WATCHDOG_USEC"] ?? 0) / 1_000;
  const mine = env["WATCHDOG_PID"] === undefined || env["WATCHDOG_PID"] === String(pid);
  const alive = (): void => {
    if (closed) return;
    send("WATCHDOG=1");
    timer = clock.timeout(watchdogMs / 2, () => void last.then(alive));
  };
  if (watchdogMs > 0 && mine) alive();
  const show = (status: string, ...also: string[]): void => {
    if (status === told && also.length === 0) return;
    told = status;
    send(...also, `STATUS=${status}`);
  };
  return {
    ready(status) {
      const first = !isReady || isReloading;
      isReady = true;
      isReloading = false;
      show(status, ...(first ? ["READY=1"] : []));
    },
    status(status) {
      // The reload is over, whether the instance serves just now or not.
      show(status, ...(isReloading ? ["READY=1"] : []));
      isReloading = false;
    },
    reloading() {
      if (!isReady) return;
      send("RELOADING=1", `MONOTONIC_USEC=${Math.round(Number(process.hrtime.bigint() / 1_000n))}`);
      isReloading = true;
    },
    stopping: () => send("STOPPING=1"),
    close() {
      closed = true;
      timer?.cancel();
      return last;
    },
  };
}

/** Warns when this is process 1: Node does not reap the orphans that end up with it. */
export function warnWithoutInit(pid: number, log: Logger): void {
  if (pid !== 1) return;
  log.warn(
    { event: "agent.no-init" },
    "the agent is process 1 of its container and does not reap orphans: give the container an init (docker run --init, init: true in Compose, or tini -- legation agent …)",
  );
}
