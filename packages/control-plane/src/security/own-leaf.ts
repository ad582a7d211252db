/** The control plane's own certificate, from Consul's CA: fetched, renewed, with every root that the mesh trusts, and kept for a start without Consul. */
import { type CaLeaf, type CaRoots, type Consul, caBackoff, readyRoots, watch } from "@legation/consul";
import { controlPlaneService, type ServiceIdentity, serviceIdentityOf } from "@legation/contract";
import { type Clock, codeOf, createBackoff, type Logger, messageOf, type Registry, type Timer, type TlsMaterial } from "@legation/runtime";
import type { Teller } from "../events/events.js";
import type { KeptLeaf } from "../state/own-leaf-file.js";
import { addCertificateMetrics } from "./certificate-metrics.js";
import type { SecurityEvents } from "./events.js";

/** What the control plane shows, and by which roots it knows others. */
export interface OwnCertificate {
  /** Its own identity; everybody whom it knows has the same trust domain and data centre. */
  readonly identity: ServiceIdentity;
  readonly tls: Required<TlsMaterial>;
}

/** See the file's sentence. */
export interface OwnLeaf {
  /** Begins to ask Consul. What was kept is used where it does not answer within `keptLeafWait`, until it does. */
  start(): void;
  /** Undefined until Consul has issued one, or the kept one is used. */
  current(): OwnCertificate | undefined;
  stop(): void;
}

/** What it needs. `onChange` is given each certificate and each change of the roots, and may throw: then the one before stays. */
export interface OwnLeafParts {
  readonly consul: Pick<Consul, "get">;
  readonly onChange: (certificate: OwnCertificate) => void;
  /** What the last run kept, still valid. */
  readonly kept: KeptLeaf | undefined;
  /** Is given what to keep for the next run. */
  readonly keep: (leaf: KeptLeaf) => void;
  readonly events: Pick<SecurityEvents, "report">;
  /** Is told of renewals and of other roots. */
  readonly teller: Teller;
  readonly metrics: Registry;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Consul renews a leaf well before this share of its life is over. */
const lateShare = 0.95;

/** How long Consul's answer is waited for before a kept certificate is used; milliseconds. An error ends the wait. */
export const keptLeafWait = 1_000;

/** Makes it; nothing is asked before `start`. */
export function createOwnLeaf(o: OwnLeafParts): OwnLeaf {
  const { clock, log } = o;
  const stopping = new AbortController();
  let leaf: CaLeaf | undefined;
  let roots: string | undefined;
  let current: OwnCertificate | undefined;
  const told = new Set<string>();
  let late: Timer | undefined;
  let kept = o.kept;
  let wait: Timer | undefined;
  addCertificateMetrics(o.metrics, { leafEnd: () => leaf?.ValidBefore, roots: () => roots });

  function take(): void {
    if (!leaf || !roots) return;
    const identity = serviceIdentityOf(leaf.ServiceURI);
    if (!identity) throw new Error(`Consul issued a certificate for ${leaf.ServiceURI}, which names no service`);
    const next = { identity, tls: { key: leaf.PrivateKeyPEM, cert: leaf.CertPEM, ca: roots } };
    o.onChange(next);
    current = next;
    forgetKept();
    o.keep({ leaf, roots });
  }

  function forgetKept(): void {
    wait?.cancel();
    kept = undefined;
  }

  function takeKept(): void {
    if (!kept) return;
    const { ServiceURI, ValidBefore } = kept.leaf;
    roots ??= kept.roots;
    if (!leaf) {
      leaf = kept.leaf;
      warnWhenLate(leaf);
    }
    log.warn(
      { event: "tls.kept", spiffeId: ServiceURI, until: ValidBefore },
      `Consul does not answer: the certificate ${ServiceURI} that was kept is used, valid until ${ValidBefore}`,
    );
    forgetKept();
    try {
      take();
    } catch (error) {
      complain(error);
    }
  }

  function warnWhenLate({ ValidAfter, ValidBefore, ServiceURI }: CaLeaf): void {
    const [from, to] = [Date.parse(ValidAfter), Date.parse(ValidBefore)];
    late?.cancel();
    late = clock.timeout(Math.max(0, from + lateShare * (to - from) - clock.now()), () =>
      o.events.report({
        kind: "certificate-expiring",
        subject: ServiceURI,
        message: `the control plane's certificate ends at ${ValidBefore} and Consul has not renewed it: without another no proxy can connect by TLS`,
      }),
    );
  }

  /** Each reason is told once, until there is a certificate. */
  function complain(error: unknown): void {
    const why = messageOf(error);
    if (told.has(why)) return;
    told.add(why);
    const without = current ? "the one before is used on" : "no TLS, plain text where it is allowed";
    if (codeOf(error) === "consul.no-connect")
      log.info({ event: "tls.off", why }, `the control plane has no certificate (${without}): ${why}`);
    else log.warn({ event: "tls.no-certificate", why }, `the control plane cannot get its certificate (${without}): ${why}`);
  }

  function follow<T>(path: string, learn: (value: T) => void): void {
    watch<T>(
      o.consul,
      { path },
      {
        onValue(value) {
          learn(value);
          take();
        },
        onError(error) {
          if (codeOf(error) === "consul.no-connect") forgetKept();
          takeKept();
          complain(error);
        },
        signal: stopping.signal,
        clock,
        backoff: createBackoff(caBackoff),
      },
    );
  }

  return {
    start() {
      if (kept) wait = clock.timeout(keptLeafWait, takeKept);
      follow<CaRoots>("/agent/connect/ca/roots", (answered) => {
        const trusted = readyRoots(answered).roots;
        const pems = trusted.map(({ RootCert }) => `${RootCert.trim()}\n`).join("");
        if (roots !== undefined && roots !== pems) {
          const details = { roots: trusted.map(({ ID }) => ID) };
          log.info({ event: "tls.roots-changed", ...details }, "the roots that the mesh trusts have changed");
          o.teller.tell({ type: "certificate.roots-changed", text: "the roots that the mesh trusts have changed", details });
        }
        roots = pems;
      });
      follow<CaLeaf>(`/agent/connect/ca/leaf/${controlPlaneService}`, (next) => {
        const renewed = leaf !== undefined && leaf.SerialNumber !== next.SerialNumber;
        leaf = next;
        told.clear();
        warnWhenLate(next);
        const { ServiceURI, ValidBefore, SerialNumber } = next;
        const renewal = `the control plane's certificate ${ServiceURI} is renewed, valid until ${ValidBefore}`;
        if (renewed) o.teller.tell({ type: "certificate.renewed", text: renewal, details: { spiffeId: ServiceURI, until: ValidBefore } });
        log.info(
          { event: renewed ? "tls.renewed" : "tls.certificate", spiffeId: ServiceURI, until: ValidBefore, serial: SerialNumber },
          `${renewed ? "renewed" : "got"} the control plane's certificate ${ServiceURI}, valid until ${ValidBefore}`,
        );
      });
    },
    current: () => current,
    stop() {
      late?.cancel();
      wait?.cancel();
      stopping.abort(new Error("the control plane stops"));
    },
  };
}
