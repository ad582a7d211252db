/** Where the control plane learns what services there are. */
export type { CatalogEvent, CatalogSource, SourceStatus } from "./catalog-event.js";
export { type ConsulCatalogOptions, createConsulCatalog } from "./consul-catalog.js";
