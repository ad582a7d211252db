import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import type { MeshResource } from "../resource.js";
import { compileCase, goldenCases, goldenDirectory, resourceJson } from "./golden-case.js";

const update = process.env["UPDATE_GOLDEN"] === "1";

/** What a case is expected to be, by file name. */
function expectedFiles(name: string): Record<string, string> {
  const { services, nodes, layers, calledByGrpc } = compileCase(name);
  const print = (value: unknown) => stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
  const versioned = (resource: MeshResource) => ({
    version: resource.version,
    provenance: resource.provenance,
    resource: resourceJson(resource),
  });
  const mutual = [...services.values()].flatMap(({ mutualCluster }) => (mutualCluster ? [versioned(mutualCluster)] : []));
  const grpc = [...services].flatMap(([service, { grpcCluster }]) => (calledByGrpc.has(service) ? [versioned(grpcCluster)] : []));
  const regional = [...services.values()].flatMap(({ regional }) =>
    regional
      ? [...[...regional.from].map(([region, one]) => ({ region, ...versioned(one) })), ...[regional.elsewhere ?? []].flat().map(versioned)]
      : [],
  );
  const zones = [...services.values()].flatMap((service) => service.zones.map(versioned));
  const files: Record<string, string> = {
    "clusters.yaml": print([...services.values()].map(({ cluster }) => versioned(cluster))),
    ...(mutual.length > 0 ? { "mutual-clusters.yaml": print(mutual) } : {}),
    ...(grpc.length > 0 ? { "grpc-clusters.yaml": print(grpc) } : {}),
    ...(regional.length > 0 ? { "regional-endpoints.yaml": print(regional), "zones.yaml": print(zones) } : {}),
    "endpoints.yaml": print([...services.values()].map(({ endpoints }) => versioned(endpoints))),
    "problems.yaml": print([...services.values(), ...nodes.values()].flatMap(({ problems }) => problems)),
  };
  for (const [id, node] of nodes) {
    files[`node-${id.replace("/", "-")}.yaml`] = print({
      layers: layers.get(id),
      clusters: node.clusters,
      view: node.view.map(versioned),
      instance: node.instance.map(versioned),
    });
  }
  return files;
}

describe.each(goldenCases())("golden case %s", (name) => {
  const directory = join(goldenDirectory, name, "expected");
  const files = expectedFiles(name);
  if (update) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text);
  }

  it("has one expected file per part and none besides", () => {
    expect(existsSync(directory) ? readdirSync(directory).sort() : []).toEqual(Object.keys(files).sort());
  });

  it.each(Object.keys(files))("compiles to its %s", (file) => {
    expect(files[file]).toBe(readFileSync(join(directory, file), "utf8"));
  });
});
