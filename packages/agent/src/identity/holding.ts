/** The leaf that an instance holds: written with the roots that it is to trust, watched until its end, told of in status and log. */
import { serviceIdentityOf } from "@legation/contract";
import { type Clock, LegationError, type Logger, messageOf } from "@legation/runtime";
import { timestamp } from "../status.js";
import { type LeafFacts, type LeafPems, readLeaf, rootOf } from "./certificate.js";
import { type Validity, validityAt } from "./schedule.js";
import type { IdentityStatus } from "./status.js";
import type { CertificateStore } from "./store.js";

/** What the holding needs. */
export interface HoldingOptions {
  readonly service: string;
  readonly store: CertificateStore;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
}

/** A leaf and where it is. */
export interface HeldLeaf {
  readonly facts: LeafFacts;
  readonly pems: LeafPems;
  /** The id of the root that it leads to; undefined when that is none of those that are trusted. */
  readonly root: string | undefined;
  readonly directory: string;
}

/** See the file's sentence. */
export interface Holding {
  readonly held: HeldLeaf | undefined;
  /** Leaves that have taken the place of an earlier one. */
  readonly renewals: number;
  /** Takes up what the agent before has written, if it is this service's; one that has ended only with `ended`. */
  resume(ended: boolean): void;
  /**
   * Writes a leaf and the roots to trust. Throws LegationError "identity.foreign" for another service's leaf, "identity.clock" for one that has
   * ended, and what reading and writing throw; then everything is as before.
   */
  take(pems: LeafPems, roots: readonly string[], cause: string): void;
  /** Tells, once each, that the leaf is near its end, has ended, or is of the future. True when that has changed. */
  judge(problem: string | undefined): boolean;
  /** The leaf's part of the status; undefined while there is none. */
  status(): Omit<IdentityStatus, "renewals" | "failures" | "problem"> | undefined;
}

/** Creates it; it holds nothing yet. */
export function createHolding({ service, store, clock, log }: HoldingOptions): Holding {
  let held: HeldLeaf | undefined;
  let told: Validity = "valid";
  let renewals = 0;

  const ownFacts = (pems: LeafPems): LeafFacts => {
    const facts = readLeaf(pems);
    if (serviceIdentityOf(facts.spiffeId)?.service === service) return facts;
    throw new LegationError("identity.foreign", `the certificate is that of ${facts.spiffeId}, and this is the service ${service}`);
  };

  return {
    get held() {
      return held;
    },
    get renewals() {
      return renewals;
    },
    resume(ended) {
      const saved = store.saved();
      if (!saved) return;
      const { leaf: pems, roots, directory } = saved;
      try {
        const facts = ownFacts(pems);
        if (validityAt(facts, clock.now()) === "expired" && !ended) return;
        held = { facts, pems, root: rootOf(pems.chain, roots), directory };
        const fields = { spiffeId: facts.spiffeId, serial: facts.serial, notAfter: timestamp(facts.notAfter), directory };
        log.info(
          { event: "identity.resumed", ...fields },
          `the certificate of the agent before is valid until ${timestamp(facts.notAfter)}`,
        );
      } catch (error) {
        log.warn({ event: "identity.saved-lost", problem: messageOf(error) }, `the saved certificate is of no use: ${messageOf(error)}`);
      }
    },
    take(pems, roots, cause) {
      const facts = ownFacts(pems);
      const before = held;
      const fresh = before?.facts.fingerprint !== facts.fingerprint;
      const end = timestamp(facts.notAfter);
      if (fresh && facts.notAfter <= clock.now())
        throw new LegationError("identity.clock", `the certificate that Consul gives has ended at ${end}: set the machine's clock`);
      const root = rootOf(pems.chain, roots);
      held = { facts, pems, root, directory: store.write({ leaf: pems, roots }) };
      if (!fresh) return;
      told = "valid";
      const fields = { spiffeId: facts.spiffeId, serial: facts.serial, notAfter: end, root, directory: held.directory, cause };
      if (before) renewals += 1;
      const [event, verb] = before ? ["identity.renewed", "renewed"] : ["identity.leaf-written", "wrote"];
      log.info({ event, ...fields }, `${verb} the certificate of ${facts.spiffeId}, valid until ${end}: ${cause}`);
    },
    judge(problem) {
      if (!held) return false;
      const validity = validityAt(held.facts, clock.now());
      if (validity === told) return false;
      told = validity;
      const { serial, notBefore, notAfter } = held.facts;
      const fields = { serial, notBefore: timestamp(notBefore), notAfter: timestamp(notAfter), ...(problem ? { problem } : {}) };
      const message = reasonOf(validity, held.facts);
      if (validity === "valid") log.info({ event: "identity.valid", ...fields }, message);
      else log[validity === "expired" ? "error" : "warn"]({ event: `identity.${validity}`, ...fields }, message);
      return true;
    },
    status() {
      if (!held) return undefined;
      const { facts, root, directory } = held;
      const phase = validityAt(facts, clock.now());
      return {
        phase,
        reason: reasonOf(phase, facts),
        spiffeId: facts.spiffeId,
        serial: facts.serial,
        notBefore: timestamp(facts.notBefore),
        notAfter: timestamp(facts.notAfter),
        ...(root ? { root } : {}),
        directory,
      };
    },
  };
}

function reasonOf(validity: Validity, { notBefore, notAfter }: LeafFacts): string {
  const until = timestamp(notAfter);
  if (validity === "expired") return `the certificate ended at ${until}: peers refuse it until Consul's CA gives another`;
  if (validity === "expiring") return `the certificate ends at ${until}, and Consul's CA has not renewed it yet`;
  if (validity === "early") return `the certificate is valid from ${timestamp(notBefore)}: the machine's clock is behind that of Consul`;
  return `the certificate is valid until ${until}`;
}
