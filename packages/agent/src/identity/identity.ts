/** An instance's certificate: had from Consul's CA before Envoy starts, renewed before it ends and when the root changes. */
import { type CaApi, ConsulError } from "@legation/consul";
import { type Clock, createBackoff, type Logger, messageOf } from "@legation/runtime";
import { createAlarm } from "../registrar/alarm.js";
import { type LeafPems, rootOf } from "./certificate.js";
import type { ControlPlaneTls } from "./control-plane-tls.js";
import { createHolding } from "./holding.js";
import { type MeshRoots, meshRootsOf, type RootsSource } from "./roots.js";
import { renewalInterval, untilNextMoment } from "./schedule.js";
import type { IdentityStatus } from "./status.js";
import type { CertificateStore } from "./store.js";

/** What it needs. */
export interface IdentityOptions {
  readonly service: string;
  /** `on`: an instance without a certificate must not start; `auto`: it starts in plain text where none can be had. */
  readonly wanted: "auto" | "on";
  readonly ca: CaApi;
  readonly roots: RootsSource;
  readonly store: CertificateStore;
  readonly controlPlaneTls: ControlPlaneTls;
  readonly clock: Clock;
  readonly log: Logger;
  /** The directory is another one, or the status says something else. */
  readonly onChange: () => void;
  readonly random?: () => number;
}

/** See the file's sentence. */
export interface Identity {
  readonly status: IdentityStatus;
  /** The absolute directory with this instance's `certificateFiles`; undefined while it has no certificate. */
  readonly directory: string | undefined;
  /** True when the control planes are to be spoken to by mutual TLS. */
  readonly controlPlaneTls: boolean;
  /**
   * Resolves when there is a certificate, when it is known that none can be had now, or after 5 s; with `on` only when there is one, and
   * `onWait` is told what is missing. `adopted`: Envoy runs already, so that a saved certificate counts even when it has ended, and nothing
   * is waited for. Rejects with the signal's reason.
   */
  begin(adopted: boolean, signal: AbortSignal, onWait: (reason: string) => void): Promise<void>;
  /** Looks after the certificate now, and not only within the minute: an Envoy whose files are gone cannot start. */
  look(): void;
  stop(): void;
}

const firstAnswerMs = 5_000;
const askMs = 10_000;
const pollMs = 20;
/** Consul bounds the connections of a client: none is held for longer. */
const blockMs = 500;
/** The machine's clock may jump: the certificate is compared with it at least so often. */
const lookMs = 60_000;
/** After a change of root, others get a moment to trust it before this leaf is of it, and Consul's CA is not asked by all at once. */
const rootSpreadMs = 3_000;

/** Creates it; nothing is asked before `begin`. */
export function createIdentity(options: IdentityOptions): Identity {
  const { service, wanted, ca, controlPlaneTls, clock, log, onChange, random = Math.random } = options;
  const holding = createHolding(options);
  const alarm = createAlarm(clock);
  const ending = new AbortController();
  const failing = createBackoff({ base: 1_000, max: 60_000, random });
  const chasing = createBackoff({ base: 1_000, max: 8_000, random });
  let roots: MeshRoots | undefined;
  let disabled = false;
  let problem: string | undefined;
  let failures = 0;
  /** On the monotonic clock: not asked before. */
  let nextAsk = 0;
  /** Consul's index of the leaf if the next question is to block. */
  let lastIndex = 0;
  let unfollow: () => void = () => {};
  /** Those that the files hold: where that failed, they have to be written yet. */
  let writtenRoots: readonly string[] | undefined;

  /** What the roots say of Consul is over when they come again; what a leaf says, when a leaf comes; what the files say, when they are written. */
  let problemWith: "roots" | "leaf" | "files" = "leaf";

  const failed = (error: unknown, what: typeof problemWith): void => {
    if (ending.signal.aborted) return;
    const before = problem;
    failures += 1;
    problem = messageOf(error);
    problemWith = what;
    disabled = error instanceof ConsulError && error.code === "consul.no-connect";
    nextAsk = clock.monotonic() + failing.next();
    if (problem === before) return;
    if (disabled && wanted === "auto" && !holding.held)
      log.info({ event: "identity.off", problem }, `no certificate, this instance speaks plain text: ${problem}`);
    else log.warn({ event: "identity.failed", problem }, `no certificate can be had now: ${problem}`);
    onChange();
  };

  const succeeded = (): void => {
    if (problem !== undefined) log.info({ event: "identity.regained" }, "Consul's CA answers again");
    problem = undefined;
    disabled = false;
    failing.reset();
  };

  const takeRoots = (next: MeshRoots): void => {
    const before = roots;
    roots = next;
    const { active, trusted } = next;
    if (before)
      log.info({ event: "identity.roots-changed", active, trusted: trusted.length }, `${trusted.length} roots count, ${active} signs`);
    try {
      // The roots come before any leaf of them does.
      if (holding.held) put(holding.held.pems, trusted, "the roots have changed");
      nextAsk = before ? clock.monotonic() + random() * rootSpreadMs : 0;
      chasing.reset();
      onChange();
    } catch (error) {
      failed(error, "files");
    }
    alarm.ring();
  };

  const ask = async (known: MeshRoots, cause: string): Promise<void> => {
    const limit = { timeoutMs: askMs, signal: ending.signal };
    // Consul 1.8 lets its agent look after a leaf only while somebody blocks; 1.19 renews at once for who does not. Each gets its turn.
    const { data, index } = await ca.leaf(service, { ...limit, ...(lastIndex > 0 && { index: lastIndex, waitMs: blockMs }) });
    lastIndex = lastIndex > 0 ? 0 : index;
    const pems = { chain: data.CertPEM, key: data.PrivateKeyPEM };
    // A leaf may come before its root has been heard of, and what signed it has to be in the same files.
    const newer = rootOf(pems.chain, known.trusted) ? known : meshRootsOf((await ca.roots(limit)).data);
    if (ending.signal.aborted) return;
    if (pems.chain !== holding.held?.pems.chain || newer !== known) {
      put(pems, newer.trusted, cause);
      roots = newer;
    }
    succeeded();
    onChange();
  };

  /** Why Consul is to be asked, and how long after that question the next one may come; undefined while there is no reason. */
  const reasonToAsk = ({ active }: MeshRoots): { readonly cause: string; readonly interval: () => number } | undefined => {
    const { held } = holding;
    if (!held) return { cause: "there was none", interval: () => failing.next() };
    if (held.root !== active) return { cause: "Consul's CA signs with another root", interval: () => chasing.next() };
    const interval = renewalInterval(held.facts, clock.now());
    return interval === undefined ? undefined : { cause: "it was due", interval: () => interval * (0.8 + 0.4 * random()) };
  };

  const put = (pems: LeafPems, trusted: readonly string[], cause: string): void => {
    holding.take(pems, trusted, cause);
    writtenRoots = trusted;
  };

  /** The disk may have been full when the roots changed: one that counts no more must not be trusted until the next renewal. */
  const catchUp = (): void => {
    if (!holding.held || !roots || writtenRoots === roots.trusted || clock.monotonic() < nextAsk) return;
    try {
      put(holding.held.pems, roots.trusted, "the roots had not been written");
      log.info({ event: "identity.roots-written" }, "the roots that could not be written are in the files now");
      if (problemWith === "files") problem = undefined;
      onChange();
    } catch (error) {
      failed(error, "files");
    }
  };

  /** A directory in memory may go, with a login or by mistake: Envoy would hear of nothing any more. */
  const restore = (): void => {
    if (!holding.held || !roots || options.store.stands()) return;
    try {
      const { directory } = holding.held;
      put(holding.held.pems, roots.trusted, "its directory was gone");
      log.warn(
        { event: "identity.directory-lost", directory },
        `${directory} was gone: the certificate lies in ${holding.held.directory} now`,
      );
      onChange();
    } catch (error) {
      failed(error, "leaf");
    }
  };

  const look = async (): Promise<number> => {
    if (holding.judge(problem)) onChange();
    restore();
    catchUp();
    const due = roots && reasonToAsk(roots);
    if (roots && due && clock.monotonic() >= nextAsk) {
      nextAsk = clock.monotonic() + due.interval();
      await ask(roots, due.cause).catch((error: unknown) => failed(error, "leaf"));
    }
    const { held } = holding;
    const moment = (held && untilNextMoment(held.facts, clock.now())) ?? lookMs;
    const again =
      roots && (reasonToAsk(roots) || (held && writtenRoots !== roots.trusted)) ? Math.max(0, nextAsk - clock.monotonic()) : lookMs;
    return Math.max(1, Math.min(lookMs, moment, again));
  };

  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const wait = await look();
      if (!ending.signal.aborted) await alarm.sleep(wait);
    }
  };

  const reason = (): string => problem ?? "Consul's CA has not answered yet";

  return {
    get status() {
      const counts = { renewals: holding.renewals, failures, ...(problem === undefined ? {} : { problem }) };
      const phase = disabled && wanted === "auto" ? "off" : "waiting";
      return { ...(holding.status() ?? { phase, reason: reason() }), ...counts };
    },
    get directory() {
      return holding.held?.directory;
    },
    get controlPlaneTls() {
      return controlPlaneTls.spoken;
    },
    async begin(adopted, signal, onWait) {
      await options.store.prepare();
      const heard = controlPlaneTls.begin();
      holding.resume(adopted);
      unfollow = options.roots.follow({
        onRoots: takeRoots,
        onProblem: (error) => failed(error, "roots"),
        onRegained: () => {
          if (problemWith === "roots") succeeded();
          onChange();
        },
      });
      void run();
      if (holding.held) return await heard;
      const deadline = clock.monotonic() + firstAnswerMs;
      const over = (): boolean => adopted || problem !== undefined || clock.monotonic() >= deadline;
      while (!holding.held && (wanted === "on" && !adopted ? true : !over())) {
        if (wanted === "on") onWait(`a certificate is missing: ${reason()}`);
        await clock.sleep(pollMs, signal);
      }
      await heard;
    },
    look: () => alarm.ring(),
    stop() {
      ending.abort(new Error("the agent ends"));
      unfollow();
      controlPlaneTls.stop();
      alarm.ring();
    },
  };
}
