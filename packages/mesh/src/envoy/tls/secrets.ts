/** The certificate of a node as Envoy's secrets: names of files, which never leave the node's machine. */
import { create } from "@bufbuild/protobuf";
import { certificateFiles, secretNames } from "@legation/contract";
import type { DataSource } from "@legation/envoy-api/envoy/config/core/v3/base";
import { DataSourceSchema } from "@legation/envoy-api/envoy/config/core/v3/base";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
  type Secret,
  SecretSchema,
} from "@legation/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret";
import { adsSource } from "../primitives.js";

/** The leaf with its key, and the roots, in the `certificateFiles` of a directory. Envoy reads them again when something is moved into it. */
export function secrets(directory: string): readonly Secret[] {
  const file = (name: string): DataSource =>
    create(DataSourceSchema, { specifier: { case: "filename", value: `${directory.replace(/\/+$/, "")}/${name}` } });
  const watchedDirectory = { path: directory };
  return [
    create(SecretSchema, {
      name: secretNames.leaf,
      type: {
        case: "tlsCertificate",
        value: {
          certificateChain: file(certificateFiles.leaf),
          privateKey: file(certificateFiles.key),
          watchedDirectory,
        },
      },
    }),
    create(SecretSchema, {
      name: secretNames.roots,
      type: { case: "validationContext", value: { trustedCa: file(certificateFiles.roots), watchedDirectory } },
    }),
  ];
}

/** "The secret of this name, on the stream that this resource came by": each node has its own behind the same name. */
export function secretConfig(name: string): SdsSecretConfig {
  return create(SdsSecretConfigSchema, { name, sdsConfig: adsSource() });
}
