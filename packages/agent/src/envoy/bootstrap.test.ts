import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { JsonValue } from "@bufbuild/protobuf";
import { parseJson, toJson } from "@legation/envoy-api";
import { BootstrapSchema } from "@legation/envoy-api/envoy/config/bootstrap/v3/bootstrap";
import { afterAll, expect, it } from "vitest";
import { writeCertificates } from "../identity/files.js";
import { checkEnvoy, findEnvoy, isOlder, toolsDirectory } from "./binary.js";
import { type BootstrapInput, bootstrapOf } from "./bootstrap.js";

const directory = mkdtempSync(join(tmpdir(), "legation-bootstrap-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
writeCertificates(directory, { leaf: { chain: "", key: "" }, roots: [] });

const input: BootstrapInput = {
  nodeId: "node-1/orders-1",
  region: "eu",
  zone: "eu-1",
  metadata: {
    api: 1,
    service: "orders",
    kind: "sidecar",
    inbound: "10.0.0.1:20000",
    app: "127.0.0.1:8080",
    outbound: "127.0.0.1:15001",
    protocol: "http",
    dependencies: [
      { name: "payments", optional: false },
      { name: "cache", optional: true },
    ],
  },
  admin: { host: "127.0.0.1", port: 19_000 },
  controlPlanes: [
    { host: "127.0.0.1", port: 18_000 },
    { host: "cp.example", port: 18_000 },
  ],
  overload: { maxHeapBytes: 2 ** 30, maxConnections: 1_000 },
  outputPath: join(directory, "envoy.log"),
};
const bootstrap = bootstrapOf(input);
const spiffeId = "spiffe://11111111-2222.consul/ns/default/dc/dc1/svc/legation-control-plane";
const byTls = bootstrapOf({
  ...input,
  metadata: { ...input.metadata, certificates: directory },
  controlPlaneTls: { directory, spiffeId },
});

it("describes the node completely and takes everything else over delta ADS, with patience", () => {
  expect(bootstrap).toMatchObject({
    node: {
      id: "node-1/orders-1",
      cluster: "orders",
      locality: { region: "eu", zone: "eu-1" },
      metadata: {
        legation: {
          api: 1,
          service: "orders",
          kind: "sidecar",
          inbound: "10.0.0.1:20000",
          app: "127.0.0.1:8080",
          dependencies: ["payments", "cache?"],
        },
      },
    },
    admin: { address: { socketAddress: { address: "127.0.0.1", portValue: 19_000 } } },
    dynamicResources: {
      adsConfig: {
        apiType: "DELTA_GRPC",
        transportApiVersion: "V3",
        setNodeOnFirstMessageOnly: true,
        grpcServices: [{ envoyGrpc: { retryPolicy: { retryBackOff: { maxInterval: "5s" } } } }],
      },
      ldsConfig: { ads: {}, initialFetchTimeout: "0s", resourceApiVersion: "V3" },
      cdsConfig: { ads: {}, initialFetchTimeout: "0s", resourceApiVersion: "V3" },
    },
    staticResources: {
      clusters: [
        { name: "legation:xds", type: "STRICT_DNS" },
        {
          name: "legation:own",
          type: "EDS",
          edsClusterConfig: { serviceName: "zones:orders:eu", edsConfig: { initialFetchTimeout: "1s" } },
        },
      ],
    },
    clusterManager: { localClusterName: "legation:own" },
  });
  expect(bootstrap).not.toHaveProperty("statsSinks");
});

it("names the certificate's directory, and speaks to the control plane of its own trust domain alone where those speak TLS", () => {
  const { node, staticResources } = byTls as unknown as {
    node: { metadata: { legation: { certificates: string } } };
    staticResources: { clusters: { transportSocket: { typedConfig: object } }[] };
  };
  expect(node.metadata.legation.certificates).toBe(directory);
  const sds = (file: string) => ({
    sdsConfig: { pathConfigSource: { path: join(directory, file), watchedDirectory: { path: directory } } },
  });
  expect(staticResources.clusters[0]?.transportSocket.typedConfig).toMatchObject({
    commonTlsContext: {
      tlsCertificateSdsSecretConfigs: [sds("leaf.sds.json")],
      combinedValidationContext: {
        defaultValidationContext: {
          matchTypedSubjectAltNames: [{ sanType: "URI", matcher: { suffix: "/ns/default/dc/dc1/svc/legation-control-plane" } }],
        },
        validationContextSdsSecretConfig: sds("roots.sds.json"),
      },
    },
  });
  expect(JSON.stringify(bootstrap)).not.toContain("transportSocket");
});

const both = [
  ["in plain text", bootstrap],
  ["by TLS", byTls],
] as const;

it.each(both)("is what Envoy's API writes itself, to the last field, %s", (_, written) => {
  expect(toJson(BootstrapSchema, parseJson(BootstrapSchema, written as JsonValue))).toEqual(written);
});

it.each(both)("is accepted by the real Envoy, %s", { timeout: 60_000 }, async (_, written) => {
  writeFileSync(join(directory, "bootstrap.json"), JSON.stringify(written));
  const places = { configured: process.env["ENVOY_BIN"], path: process.env["PATH"], tools: toolsDirectory };
  const { path } = await checkEnvoy(findEnvoy({ ...places, ...(places.configured ? {} : { configured: undefined }) }));
  const { stdout } = await promisify(execFile)(path, ["--mode", "validate", "-c", join(directory, "bootstrap.json"), "-l", "error"]);
  expect(stdout).toContain("OK");
});

it("knows which version of Envoy is older", () => {
  expect(isOlder("1.9.0", "1.30.0")).toBe(true);
  expect(isOlder("1.30.0", "1.30.0")).toBe(false);
  expect(isOlder("2.0.0", "1.30.9")).toBe(false);
  expect(isOlder("1.30.1", "1.30.2")).toBe(true);
});
