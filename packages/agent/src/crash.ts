/** Errors that nothing handles: each is handed on, so that it ends what it came from in a known way and nothing lives on by halves. */
import { LegationError, type Logger } from "@legation/runtime";

/** The exit code of an agent that an error in itself has ended; service and Envoy go on for the next one. EX_SOFTWARE of sysexits.h. */
export const crashCode = 70;

/** Node's `process`, as far as it is needed. */
export interface CrashSource {
  on(event: CrashEvent, listener: (error: unknown) => void): unknown;
}

type CrashEvent = "uncaughtException" | "unhandledRejection";

/** So many are told; where telling fails itself, there is no end of them. */
const toldLimit = 20;

/** Hands each such error to `take`, in the asynchronous context that it came from, for as long as the process lives. */
export function catchCrashes(take: (error: unknown) => void, source: CrashSource = process): void {
  let told = 0;
  const onError = (error: unknown): void => {
    told += 1;
    if (told <= toldLimit) take(error);
  };
  source.on("uncaughtException", onError);
  source.on("unhandledRejection", onError);
}

/** Tells that an error ends the agent, and gives the code to exit with. */
export function tellCrash(error: unknown, log: Logger): number {
  const text = "an error in the agent itself ends it; service and Envoy go on for the next agent, which adopts them";
  log.fatal({ event: "agent.crashed", error, code: crashCode }, text);
  return crashCode;
}

/** What `work` resolves to; where it rejects with anything but a LegationError, that has ended the agent. */
export async function orCrash(work: Promise<number>, log: Logger): Promise<number> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof LegationError) throw error;
    return tellCrash(error, log);
  }
}
