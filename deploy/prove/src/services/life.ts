/** How each service of the proof lives: its environment, its gentle end on SIGTERM, and SIGUSR2, which makes it deaf to that. */

/** Set by the agent's configuration in the environment of each service. */
export interface Place {
  readonly port: number;
  readonly instance: string;
}

/** Reads the environment. Throws when `PORT` is missing. */
export function readPlace(env: NodeJS.ProcessEnv = process.env): Place {
  const { PORT = "", INSTANCE = "" } = env;
  if (!/^\d+$/.test(PORT)) throw new Error("PORT must be the port to listen on");
  return { port: Number(PORT), instance: INSTANCE };
}

/** On SIGTERM `end` takes no new work and calls back once what is under way has ended; then the process exits. After SIGUSR2 it stays. */
export function endOnTerm(end: (ended: () => void) => void): void {
  let deaf = false;
  process.on("SIGUSR2", () => {
    deaf = true;
  });
  process.on("SIGTERM", () => {
    if (!deaf) end(() => process.exit(0));
  });
}

/** Milliseconds that a request to `path?ms=300` wants its answer to take; 0 without it. */
export function slowness(path: string): number {
  return Number(new URL(path, "http://service").searchParams.get("ms") ?? 0);
}
