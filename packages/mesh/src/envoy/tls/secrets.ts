/** The certificate of a node as Envoy's secrets: names of files, which never leave the node's machine. */
import { create } from "@bufbuild/protobuf";
import { certificateFiles, secretNames } from "@legation/contract";
import type { DataSource } from "@legation/envoy-api/envoy/config/core/v3/base";
import { DataSourceSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import { SubjectAltNameMatcher_SanType } from "@legation/envoy-api/envoy/extensions/transport_sockets/tls/v3/common";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
  type Secret,
  SecretSchema,
} from "@legation/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import type { AdmittedCaller } from "../../authorization/admission.js";
import { adsSource } from "../primitives.js";

/** The leaf with its key, and the roots, in the `certificateFiles` of a directory. Envoy reads them again when something is moved into it. */
export function secrets(directory: string): readonly Secret[] {
  return [
    create(SecretSchema, {
      name: secretNames.leaf,
      type: {
        case: "tlsCertificate",
        value: {
          certificateChain: fileIn(directory, certificateFiles.leaf),
          privateKey: fileIn(directory, certificateFiles.key),
          watchedDirectory: { path: directory },
        },
      },
    }),
    create(SecretSchema, {
      name: secretNames.roots,
      type: { case: "validationContext", value: rootsIn(directory) },
    }),
  ];
}

/** The name of the secret by which a `tcp` listener knows whom it lets in. */
export const callersSecret = "callers";

/**
 * The roots with those callers whom a handshake lets in, as a secret: a change of it holds for the next handshake, and touches no connection
 * that is open. Without any caller every certificate of the roots would do.
 */
export function admittingSecret(directory: string, callers: readonly AdmittedCaller[]): Secret {
  return create(SecretSchema, {
    name: callersSecret,
    type: {
      case: "validationContext",
      value: {
        ...rootsIn(directory),
        matchTypedSubjectAltNames: callers.map((matchPattern) => ({
          sanType: SubjectAltNameMatcher_SanType.URI,
          matcher: { matchPattern },
        })),
      },
    },
  });
}

/** "The secret of this name, on the stream that this resource came by": each node has its own behind the same name. */
export function secretConfig(name: string): SdsSecretConfig {
  return create(SdsSecretConfigSchema, { name, sdsConfig: adsSource() });
}

function rootsIn(directory: string) {
  return { trustedCa: fileIn(directory, certificateFiles.roots), watchedDirectory: { path: directory } };
}

function fileIn(directory: string, name: string): DataSource {
  return create(DataSourceSchema, { specifier: { case: "filename", value: `${directory.replace(/\/+$/, "")}/${name}` } });
}
