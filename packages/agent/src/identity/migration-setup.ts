/** From the instance to its migration: what each proof is here, and who is told of a move. */
import { type RoutingReply, splitAddress } from "@legation/contract";
import { createBackoff } from "@legation/runtime";
import { isLoopback } from "../config/rules.js";
import { type Instance, isServing } from "../instance.js";
import { outcomeOf } from "../leave/acknowledgement.js";
import { exposedAt, outsideAddresses } from "./exposure.js";
import { tryHandshake } from "./handshake.js";
import type { Identity } from "./identity.js";
import { type CertificateInUse, createMigration, type Migration } from "./migration.js";
import { tryPlaintext } from "./plaintext.js";
import type { Tls, TlsProof } from "./tls-progress.js";

/** What the set-up takes besides the instance. */
export interface MigrationSetup {
  /** The service or the Envoy of an earlier agent goes on. */
  readonly adopted: boolean;
  readonly onMode: () => void;
  readonly onChange: () => void;
}

/** Creates the migration of an instance; its Envoy and its certificate, where it has them, are there already. */
export function setUpMigration(instance: Instance, { adopted, onMode, onChange }: MigrationSetup): Migration {
  const { config, addresses, stateDir, clock, log } = instance;
  const { service, values } = config;
  const inbound = splitAddress(addresses.inbound) ?? { host: "", port: 0 };
  const at = { host: reachedAt(inbound.host), port: inbound.port };
  const { enabled } = values.envoy;
  const certificate = (): CertificateInUse =>
    enabled ? certificateOf(instance.identity) : { problem: "the instance has no Envoy that speaks TLS for it" };
  const migration = createMigration({
    mode: stateDir.kept.mode ?? "off",
    kept: !enabled ? "plain" : adopted ? (stateDir.kept.tls ?? "plain") : undefined,
    certificate,
    registered: () => instance.registrar?.state.registered === true,
    prove: {
      handshake: async (signal) => {
        const used = certificate();
        return "problem" in used ? used.problem : await tryHandshake({ ...at, certificates: used.directory, clock, signal });
      },
      callers: async (signal) => {
        const { channel } = instance;
        if (!channel) return "there is no channel to a control plane yet";
        return lacking(await channel.route("tls", values.drain.acknowledge, signal));
      },
      plaintext: async (signal) => {
        // What is sent over tcp would reach the application.
        if (service.protocol !== "tcp") return await tryPlaintext({ ...at, clock, signal });
        return (await instance.envoy?.admin.takesPlaintext(at.port)) ? undefined : "Envoy's inbound listener has no chain for it yet";
      },
    },
    obstacle: (proof) => obstacleOf(instance, proof),
    clock,
    backoff: createBackoff({ base: 250, max: 15_000 }),
    log,
    onMove: ({ mode, tls, cause }, before) => {
      stateDir.keep({ mode, tls });
      if (mode !== before.mode) onMode();
      if (tls === before.tls) return;
      instance.registrar?.renew(`${said[tls]}: ${cause}`);
      if (tls === "required") void warnOfExposure(instance);
    },
    onChange,
  });
  stateDir.keep({ tls: migration.progress.tls });
  return migration;
}

/** Warns where strict identity can be gone around: the application takes connections that do not come through Envoy. */
export async function warnOfExposure({ config, addresses, clock, log }: Instance): Promise<void> {
  const { port } = config.app;
  // Envoy may stand at the same port of another address.
  if (splitAddress(addresses.inbound)?.port === port) return;
  const address = isLoopback(config.app.host) ? await exposedAt(outsideAddresses(), port, clock) : config.app.host;
  if (address === undefined) return;
  const fix = "let it listen on 127.0.0.1 (HOST says so to a service that is started under strict), with host: 127.0.0.1 or 0.0.0.0 here";
  log.warn(
    { event: "identity.exposed", address, port },
    `the application takes connections at ${address}:${port} that no mutual TLS protects: ${fix}, then restart it`,
  );
}

function certificateOf({ status, directory }: Identity): CertificateInUse {
  const { phase, reason, serial, notAfter } = status;
  return directory === undefined || phase === "off" || phase === "waiting" || phase === "expired"
    ? { problem: reason }
    : { directory, mark: `${serial} until ${notAfter}` };
}

const said: Readonly<Record<Tls, string>> = {
  plain: "mutual TLS is off",
  accepted: "mutual TLS is accepted",
  required: "mutual TLS is required",
};

function obstacleOf(instance: Instance, proof: TlsProof): string | undefined {
  if (proof === "callers") return isServing(instance) ? undefined : "the instance is not in service";
  const envoy = instance.envoy?.runner.state;
  return envoy?.phase === "live" ? undefined : (envoy?.reason ?? "Envoy has not been started");
}

function lacking(reply: RoutingReply): string | undefined {
  if (!reply.accepted) return "the control plane has not seen yet that it takes mutual TLS";
  const outcome = outcomeOf(reply);
  if (typeof outcome === "string") return undefined;
  const { withoutCertificate = [] } = reply;
  return withoutCertificate.length === 0 ? outcome.outcome : `${outcome.outcome}; without a certificate: ${withoutCertificate.join(", ")}`;
}

function reachedAt(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}
