/** How far an instance is on its way between plain text and mutual TLS, and what has to be proven before it goes further. Pure. */
import type { IdentityMode, TlsState } from "@legation/contract";

/** What an instance's registration says of mutual TLS; `plain` where it says nothing. */
export type Tls = "plain" | TlsState;

/**
 * What moves an instance. `handshake`: it has spoken mutual TLS with its own inbound address and found its own name there. `callers`: the
 * proxy of each caller has it with TLS. `plaintext`: its inbound address takes plain text (again).
 */
export type TlsProof = "handshake" | "callers" | "plaintext";

/** Where an instance stands. */
export interface TlsProgress {
  readonly mode: IdentityMode;
  readonly tls: Tls;
  /** What brought it there, in words. */
  readonly cause: string;
  /** When that was, milliseconds since the epoch. */
  readonly since: number;
  /** Why there is no certificate to use; undefined where there is one. */
  readonly noCertificate: string | undefined;
  /** A handshake has succeeded with the present certificate. */
  readonly proven: boolean;
  /** It has started anew, and Consul has not named it to anybody since. */
  readonly fresh: boolean;
  /** It has started anew under strict and has not been in service yet: callers are not given it before its first handshake. */
  readonly held: boolean;
  /** Failed attempts in a row at the proof that is due. */
  readonly failures: number;
  /** How the last one failed. */
  readonly problem: string | undefined;
}

/** What moves it. */
export type TlsEvent =
  | { readonly kind: "ordered"; readonly mode: IdentityMode }
  /** There is a new certificate, or none any more, and why. */
  | { readonly kind: "certificate"; readonly problem?: string }
  /** Consul names the instance, as its registration says now. */
  | { readonly kind: "registered" }
  | { readonly kind: "proved"; readonly proof: TlsProof }
  | { readonly kind: "disproved"; readonly proof: TlsProof; readonly problem: string };

/** Failed handshakes in a row after which callers are sent back to plain text, where the mode leaves them that. */
export const handshakeFailures = 3;

/** What is known when an agent begins. */
export interface TlsBeginning {
  /** As last ordered. */
  readonly mode: IdentityMode;
  /** Of the agent before, whose service or Envoy goes on; undefined for an instance that starts anew. */
  readonly kept: Tls | undefined;
  readonly noCertificate: string | undefined;
}

/** Where an instance stands when its agent begins. One that starts anew under strict requires TLS at once: nobody has called it otherwise. */
export function beginTls({ mode, kept, noCertificate }: TlsBeginning, at: number): TlsProgress {
  const fresh = kept === undefined;
  const start: TlsProgress = {
    mode,
    tls: kept ?? "plain",
    cause: fresh ? "it starts" : "as the agent before has left it",
    since: at,
    noCertificate,
    proven: false,
    fresh,
    held: fresh && mode === "strict",
    failures: 0,
    problem: undefined,
  };
  return settled(start, at);
}

/** The proof that is to be tried now, if any. */
export function proofDue({ mode, tls, noCertificate, proven }: TlsProgress): TlsProof | undefined {
  if (tls === "required" && mode !== "strict") return "plaintext";
  if (mode === "off" || noCertificate !== undefined) return undefined;
  if (!proven) return "handshake";
  return mode === "strict" && tls === "accepted" ? "callers" : undefined;
}

/** Why the instance is not as its mode says; undefined when it is. */
export function waitsFor(progress: TlsProgress): string | undefined {
  const { mode, noCertificate, problem } = progress;
  const due = proofDue(progress);
  if (due !== undefined) return problem === undefined ? attempts[due] : `${attempts[due]}: ${problem}`;
  return mode !== "off" && noCertificate !== undefined ? `there is no certificate: ${noCertificate}` : undefined;
}

/** Why callers must not be given the instance yet; undefined when they may. */
export function withheld(progress: TlsProgress): string | undefined {
  return progress.held ? `identity is strict, and mutual TLS is not there yet: ${waitsFor(progress)}` : undefined;
}

const attempts: Readonly<Record<TlsProof, string>> = {
  handshake: "mutual TLS with its own inbound address is tried",
  callers: "the callers' proxies are asked whether they use TLS",
  plaintext: "plain text to its own inbound address is tried",
};

/** The next state; the same object where an event changes nothing. A proof that is not due (any more) counts for nothing. */
export function nextTls(progress: TlsProgress, event: TlsEvent, at: number): TlsProgress {
  switch (event.kind) {
    case "ordered": {
      const { mode } = event;
      if (mode === progress.mode) return progress;
      const held = mode === "strict" && !progress.proven && (progress.held || progress.fresh);
      return settled({ ...progress, mode, held, ...afresh }, at);
    }
    case "certificate":
      return settled({ ...progress, noCertificate: event.problem, proven: false, ...afresh }, at);
    case "registered":
      return progress.fresh ? { ...progress, fresh: false } : progress;
    case "proved":
      return event.proof === proofDue(progress) ? proved({ ...progress, ...afresh }, event.proof, at) : progress;
    case "disproved":
      return event.proof === proofDue(progress) ? disproved(progress, event.problem, at) : progress;
  }
}

const afresh = { failures: 0, problem: undefined } as const;

function proved(progress: TlsProgress, proof: TlsProof, at: number): TlsProgress {
  switch (proof) {
    case "handshake": {
      const spoken = { ...progress, proven: true, held: false };
      return progress.tls === "plain" ? moved(spoken, "accepted", "it has spoken mutual TLS with its own inbound address", at) : spoken;
    }
    case "callers":
      return moved(progress, "required", "the callers' proxies use TLS", at);
    case "plaintext":
      return settled(moved(progress, "accepted", `identity is ${progress.mode}, and plain text is taken again`, at), at);
  }
}

function disproved(progress: TlsProgress, problem: string, at: number): TlsProgress {
  const failures = progress.failures + 1;
  const failed = { ...progress, failures, problem };
  if (progress.tls !== "accepted" || progress.mode === "strict" || failures < handshakeFailures) return failed;
  return moved(failed, "plain", `mutual TLS with its own inbound address fails: ${problem}`, at);
}

/** The moves that need no proof. */
function settled(progress: TlsProgress, at: number): TlsProgress {
  const { mode, tls, noCertificate, fresh } = progress;
  if (tls === "plain" && fresh && mode === "strict" && noCertificate === undefined)
    return moved(progress, "required", "it starts under strict: nobody has called it in plain text", at);
  if (tls !== "accepted") return progress;
  if (mode === "off") return moved(progress, "plain", "identity is off", at);
  if (mode === "permissive" && noCertificate !== undefined)
    return moved(progress, "plain", `there is no certificate any more: ${noCertificate}`, at);
  return progress;
}

function moved(progress: TlsProgress, tls: Tls, cause: string, at: number): TlsProgress {
  return { ...progress, tls, cause, since: at, ...(tls === "plain" ? { proven: false } : {}) };
}
