/** Content that proxies refused: one resource, or one virtual host of the routes, and what is served in its place. */
import { contentVersion, type Provenance, type RoutePart, routesType } from "@legation/mesh";
import type { Resource } from "@legation/xds";
import type { PolicyBlame } from "./blame.js";

/** The last good content; null where there never was any: then a resource is left to each proxy to refuse, and a virtual host is left out. */
export type Instead = Uint8Array | null;

/** One refused content. Immutable, but for where it is wanted. */
export interface RefusedContent {
  readonly typeUrl: string;
  /** The resource's name, or the virtual host's. */
  readonly name: string;
  /** True for a virtual host. */
  readonly part: boolean;
  /** Of the refused content. */
  readonly version: string;
  /** The service that it belongs to. */
  readonly service: string;
  readonly instead: Instead;
  /** The policies that can have caused it; none where only the catalog or another input has changed. */
  readonly blame: readonly PolicyBlame[];
  /** The proxy that refused it first, and its words. */
  readonly node: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** What tells contents apart. */
export function contentKey({ typeUrl, name, part, version }: Pick<RefusedContent, "typeUrl" | "name" | "part" | "version">): string {
  return `${part ? "part" : "whole"} ${typeUrl} ${name} ${version}`;
}

/** The key of a resource as a whole. */
export function resourceKey({ typeUrl, name, version }: Resource): string {
  return contentKey({ typeUrl, name, version, part: false });
}

/** The key of a virtual host. */
export function partKey({ name, version }: Pick<RoutePart, "name" | "version">): string {
  return contentKey({ typeUrl: routesType, name, version, part: true });
}

/** A resource with other content under the same name. */
export function resourceWith(wanted: Resource, bytes: Uint8Array): Resource {
  return { ...wanted, bytes, version: contentVersion(bytes) };
}

/** The service that a resource belongs to: as the mesh says, else its name. */
export function serviceOf(resource: Resource): string {
  return provenanceOf(resource)?.service ?? resource.name;
}

/** The policies (`Kind/name`) that a resource was made from; undefined where that is not known. */
export function documentsOf(resource: Resource): readonly string[] | undefined {
  return provenanceOf(resource)?.policies;
}

function provenanceOf({ provenance }: Resource): Provenance | undefined {
  return provenance as Provenance | undefined;
}
