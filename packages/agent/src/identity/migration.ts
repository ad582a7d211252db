/** Moves an instance between plain text and mutual TLS as the operators' mode says: tries what has to be proven, and says why it is not further. */
import type { IdentityMode } from "@legation/contract";
import { type Backoff, type Clock, type Logger, messageOf } from "@legation/runtime";
import { createAlarm } from "../registrar/alarm.js";
import {
  beginTls,
  nextTls,
  proofDue,
  type Tls,
  type TlsEvent,
  type TlsProgress,
  type TlsProof,
  waitsFor,
  withheld,
} from "./tls-progress.js";

/** The certificate with which an instance speaks TLS, or why it has none. `mark` tells two of them apart. */
export type CertificateInUse = { readonly directory: string; readonly mark: string } | { readonly problem: string };

/** Options of `createMigration`. */
export interface MigrationOptions {
  /** As last ordered. */
  readonly mode: IdentityMode;
  /** As the agent before has left it, whose service or Envoy goes on; undefined for an instance that starts anew. */
  readonly kept: Tls | undefined;
  readonly certificate: () => CertificateInUse;
  /** Consul names the instance. */
  readonly registered: () => boolean;
  /** Tries each proof. Resolves to what speaks against it, undefined when it is proven; a rejection counts as its message. */
  readonly prove: Readonly<Record<TlsProof, (signal: AbortSignal) => Promise<string | undefined>>>;
  /** Why a proof cannot be tried at the moment. */
  readonly obstacle: (proof: TlsProof) => string | undefined;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly log: Logger;
  /** The mode or what the registration says of TLS has changed: to be kept, and told to Consul. */
  readonly onMove: (progress: TlsProgress, before: TlsProgress) => void;
  /** Something that `status` or `withheld` shows has changed. */
  readonly onChange: () => void;
}

/** What a person is shown. */
export interface MigrationStatus {
  readonly mode: IdentityMode;
  readonly tls: Tls;
  /** When `tls` became so, milliseconds since the epoch, and what has brought it there. */
  readonly since: number;
  readonly cause: string;
  /** Why it is not further on its way to what the mode says. */
  readonly waits?: string;
}

/** See the file's sentence. */
export interface Migration {
  readonly progress: TlsProgress;
  readonly status: MigrationStatus;
  /** Why callers must not be given the instance yet. */
  readonly withheld: string | undefined;
  begin(): void;
  /** The operators' mode is this one. */
  order(mode: IdentityMode): void;
  /** To be called after each change of the instance: looks at what the options tell. */
  look(): void;
  stop(): void;
}

/** A problem that has lasted for so many attempts is reported. */
const reportedAfter = 3;
const idleMs = 60_000;

/** Creates it; nothing is tried before `begin`. */
export function createMigration(options: MigrationOptions): Migration {
  const { clock, backoff, log } = options;
  const alarm = createAlarm(clock);
  let certificate = options.certificate();
  let progress = beginTls({ mode: options.mode, kept: options.kept, noCertificate: problemOf(certificate) }, clock.now());
  let obstacle: string | undefined;
  let trying: AbortController | undefined;
  let reported: string | undefined;
  let began = false;
  let stopped = false;

  const dispatch = (event: TlsEvent): void => {
    const before = progress;
    progress = nextTls(before, event, clock.now());
    if (progress === before) return;
    const { mode, tls, cause } = progress;
    if (mode !== before.mode)
      log.info({ event: "identity.mode", mode, before: before.mode, tls }, `identity is ${mode}, it was ${before.mode}`);
    if (tls !== before.tls)
      log.info(
        { event: "identity.tls", tls, before: before.tls, mode, cause },
        `mutual TLS is ${named[tls]}, it was ${named[before.tls]}: ${cause}`,
      );
    if (mode !== before.mode || tls !== before.tls) options.onMove(progress, before);
    report();
    options.onChange();
  };

  const report = (): void => {
    const waits = waitsFor(progress);
    if (waits === undefined) reported = undefined;
    if (waits === undefined || waits === reported || (proofDue(progress) && progress.failures < reportedAfter)) return;
    reported = waits;
    const { mode, tls } = progress;
    log.warn({ event: "identity.waiting", mode, tls, waits }, `identity is ${mode}, and mutual TLS is still ${named[tls]}: ${waits}`);
  };

  const attempt = async (proof: TlsProof): Promise<void> => {
    const own = new AbortController();
    trying = own;
    const problem = await options.prove[proof](own.signal).catch(messageOf);
    trying = undefined;
    if (own.signal.aborted) return;
    dispatch(problem === undefined ? { kind: "proved", proof } : { kind: "disproved", proof, problem });
    if (problem === undefined) backoff.reset();
    else await alarm.sleep(backoff.next());
  };

  const loop = async (): Promise<void> => {
    while (!stopped) {
      const due = proofDue(progress);
      obstacle = due && options.obstacle(due);
      if (due && obstacle === undefined) await attempt(due);
      else await alarm.sleep(idleMs);
    }
  };

  /** What is being tried is tried anew, by what holds now. */
  const overtake = (event: TlsEvent): void => {
    const before = progress;
    dispatch(event);
    if (progress === before) return;
    trying?.abort(new Error("overtaken"));
    backoff.reset();
    alarm.ring();
  };

  return {
    get progress() {
      return progress;
    },
    get status() {
      const { mode, tls, since, cause } = progress;
      const waits = waitsFor(progress);
      return {
        mode,
        tls,
        since,
        cause,
        ...(waits === undefined ? {} : { waits: obstacle === undefined ? waits : `${waits}: ${obstacle}` }),
      };
    },
    get withheld() {
      return withheld(progress);
    },
    begin() {
      if (began) return;
      began = true;
      report();
      void loop();
    },
    order: (mode) => overtake({ kind: "ordered", mode }),
    look() {
      if (options.registered()) dispatch({ kind: "registered" });
      const now = options.certificate();
      if (JSON.stringify(now) !== JSON.stringify(certificate)) {
        certificate = now;
        const problem = problemOf(now);
        overtake({ kind: "certificate", ...(problem === undefined ? {} : { problem }) });
      }
      const due = proofDue(progress);
      const hindered = due && options.obstacle(due);
      if (hindered === obstacle) return;
      if (hindered !== undefined) trying?.abort(new Error(hindered));
      alarm.ring();
    },
    stop() {
      stopped = true;
      trying?.abort(new Error("the agent stops"));
      alarm.ring();
    },
  };
}

function problemOf(certificate: CertificateInUse): string | undefined {
  return "problem" in certificate ? certificate.problem : undefined;
}

const named: Readonly<Record<Tls, string>> = { plain: "off", accepted: "accepted", required: "required" };
